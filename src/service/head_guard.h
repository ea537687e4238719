// SPDX-License-Identifier: Apache-2.0
// What may be said of a request before its body is there.
#pragma once

#include <functional>
#include <optional>

#include "nestvec/error.h"
#include "service/http_message.h"

namespace nestvec {

// Looks at the head of a request; what it returns is the answer, and the body is not read. Called
// on the thread of the socket: must be quick, must not block or throw.
using HeadGuard = std::function<std::optional<HttpResponse>(const HttpRequest& head)>;

// The answer to a request that the transport itself refuses, in the form of its route. As
// HeadGuard, but from any thread.
using HeadRefusal = std::function<HttpResponse(const HttpRequest& head, const Error& error)>;

}  // namespace nestvec
