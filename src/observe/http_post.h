// SPDX-License-Identifier: Apache-2.0
// Sends a body to another server by plain HTTP.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "base/address.h"

namespace nestvec {

struct HttpTarget {
  Address address;
  std::string host;  // as the URL writes it, with its port
  std::string path;  // "/v1/traces"
};

// "http://HOST:PORT" or "http://HOST:PORT/PREFIX", to whose path `suffix` is added. `key` is what
// errors call it. Throws Error kInvalidArgument.
HttpTarget parse_http_url(std::string_view url, std::string_view suffix, std::string_view key);

// Posts JSON on a connection of its own and returns the answer's status, whose body is not read.
// Blocks until `deadline` at most, but for what a name server takes. Throws Error: kUnavailable,
// kDeadlineExceeded, kNotFound (no such host).
int http_post(const HttpTarget& target, std::string_view json,
              std::chrono::steady_clock::time_point deadline);

}  // namespace nestvec
