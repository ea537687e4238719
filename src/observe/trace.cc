// SPDX-License-Identifier: Apache-2.0
#include "observe/trace.h"

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

bool wants_span(const SpanSink& sink, const std::optional<TraceContext>& parent) {
  return sink && (!parent || parent->sampled);
}

}  // namespace nestvec
