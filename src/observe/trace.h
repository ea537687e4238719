// SPDX-License-Identifier: Apache-2.0
// Requests as spans of a distributed trace (W3C Trace Context, OpenTelemetry).
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace nestvec {

// A traceparent header: "00-<trace>-<parent>-<flags>", in lower-case hexadecimal digits.
struct TraceContext {
  std::string trace_id;   // 32 digits, not all of them 0
  std::string parent_id;  // 16 digits, likewise
  bool sampled = false;   // the caller keeps its spans, so ours are wanted
};
// nullopt for what is none, of which nothing is worth passing on.
std::optional<TraceContext> parse_traceparent(std::string_view header);

// What a tracing back end is told of an answered request. No text of a user is in it.
struct RequestSpan {
  std::optional<TraceContext> parent;  // none: the trace begins here
  bool rpc = false;                    // over gRPC: method is empty
  std::string method;                  // "POST"
  std::string route;                   // "/v1/models/{}", of gRPC "/tei.v1.Embed/Embed", or "other"
  std::string request_id;
  int status = 0;  // as of HTTP
  std::chrono::system_clock::time_point start;
  std::chrono::system_clock::time_point end;
  // Numbers: {"nestvec.queue_ms", "0.125"}. Over HTTP the answer's x-nestvec-* headers.
  std::vector<std::pair<std::string, std::string>> figures;
};

// Takes a span, from any thread. Must not block and must not throw.
using SpanSink = std::function<void(RequestSpan)>;

// Whether there is someone to tell: a trace that the caller does not keep needs no span of ours.
bool wants_span(const SpanSink& sink, const std::optional<TraceContext>& parent);

}  // namespace nestvec
