// SPDX-License-Identifier: Apache-2.0
#include "api/trace.h"

#include <algorithm>

namespace nestvec {
namespace {

bool is_hex(std::string_view text) {
  return text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

bool is_id(std::string_view text) {
  return is_hex(text) && text.find_first_not_of('0') != std::string_view::npos;
}

}  // namespace

std::optional<TraceContext> parse_traceparent(std::string_view header) {
  constexpr std::size_t kLength = 55;
  constexpr std::string_view kVersion = "00-";
  if (header.size() != kLength || !header.starts_with(kVersion)) return std::nullopt;
  const std::string_view trace = header.substr(3, 32);
  const std::string_view parent = header.substr(36, 16);
  const std::string_view flags = header.substr(53);
  if (!is_id(trace) || header[35] != '-' || !is_id(parent) || header[52] != '-' || !is_hex(flags)) {
    return std::nullopt;
  }
  const int last = flags[1] <= '9' ? flags[1] - '0' : flags[1] - 'a' + 10;
  return TraceContext{std::string(trace), std::string(parent), (last & 1) != 0};
}

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

bool wants_span(const SpanSink& sink, const std::optional<TraceContext>& parent) {
  return sink && (!parent || parent->sampled);
}

}  // namespace nestvec
