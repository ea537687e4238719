// SPDX-License-Identifier: Apache-2.0
// What may be said of a request before its body is there.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "nestvec/error.h"
#include "service/http_message.h"

namespace nestvec {

struct HeadVerdict {
  std::optional<HttpResponse> refusal = {};  // the answer; the body is not read
  std::string key = {};                      // name of the API key that was used, or empty
};

// Looks at the head of a request. Called on the thread of the socket: must be quick, must not block
// or throw.
using HeadGuard = std::function<HeadVerdict(const HttpRequest& head)>;

// The answer to a request that the transport itself refuses, in the form of its route. As
// HeadGuard, but from any thread.
using HeadRefusal = std::function<HttpResponse(const HttpRequest& head, const Error& error)>;

}  // namespace nestvec
