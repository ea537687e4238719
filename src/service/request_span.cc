// SPDX-License-Identifier: Apache-2.0
#include "service/request_span.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

namespace nestvec {

RequestSpan request_span(const HttpRequest& request, std::string_view route,
                         const HttpResponse& response, std::optional<TraceContext> parent) {
  using SystemClock = std::chrono::system_clock;
  RequestSpan span;
  span.parent = std::move(parent);
  span.method = request.method;
  span.route = route;
  span.request_id = request.id;
  span.status = response.status;
  span.end = SystemClock::now();
  span.start = span.end - std::chrono::duration_cast<SystemClock::duration>(
                              std::chrono::steady_clock::now() - request.received);
  constexpr std::string_view kPrefix = "x-nestvec-";
  for (const auto& [name, value] : response.headers) {
    if (!name.starts_with(kPrefix)) continue;
    std::string figure = "nestvec." + name.substr(kPrefix.size());
    std::ranges::replace(figure, '-', '_');
    span.figures.emplace_back(std::move(figure), value);
  }
  return span;
}

}  // namespace nestvec
