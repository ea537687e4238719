// SPDX-License-Identifier: Apache-2.0
// The target of a request line ("/v1/models?x=1") as path and query.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "http/http_fault.h"

namespace nestvec {

struct RequestTarget {
  std::string path;   // percent-decoded, valid UTF-8, without control characters
  std::string query;  // as sent
};

// Reads origin form ("/path?query"), absolute form ("http://host/path", as proxies send it) and
// "*". nullopt, with `fault` filled, for anything else, an escape that is none, and a path that is
// not text. Safe for concurrent use.
std::optional<RequestTarget> parse_request_target(std::string_view target, HttpFault& fault);

}  // namespace nestvec
