// SPDX-License-Identifier: Apache-2.0
// An answered HTTP request as a span.
#pragma once

#include <optional>
#include <string_view>

#include "observe/trace.h"
#include "service/http_message.h"

namespace nestvec {

// Its figures are the answer's x-nestvec-* headers.
RequestSpan request_span(const HttpRequest& request, std::string_view route,
                         const HttpResponse& response, std::optional<TraceContext> parent);

}  // namespace nestvec
