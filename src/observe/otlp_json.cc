// SPDX-License-Identifier: Apache-2.0
#include "observe/otlp_json.h"

#include <chrono>

#include "base/json.h"
#include "base/json_writer.h"

namespace nestvec {
namespace {

// 64-bit integers are strings in OTLP's JSON.
std::string nanoseconds(std::chrono::system_clock::time_point time) {
  return std::to_string(
      std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count());
}

class Attributes {
 public:
  explicit Attributes(std::string& out) : attributes_(out) {}

  void text(std::string_view key, std::string_view value) {
    std::string json;
    append_json_string(value, json);
    add(key, "stringValue", json);
  }
  void integer(std::string_view key, std::int64_t value) {
    add(key, "intValue", "\"" + std::to_string(value) + "\"");
  }
  // A number that is written already.
  void number(std::string_view key, std::string_view value) { add(key, "doubleValue", value); }
  void close() { attributes_.end(); }

 private:
  void add(std::string_view key, std::string_view type, std::string_view json) {
    JsonObject attribute(attributes_.next());
    attribute.text("key", key);
    JsonObject value(attribute.key("value"));
    value.raw(type, json);
    value.end();
    attribute.end();
  }

  JsonArray attributes_;
};

void append_attributes(const RequestSpan& span, std::string& out) {
  Attributes attributes(out);
  if (span.rpc) {
    attributes.text("rpc.system", "grpc");
    attributes.text("rpc.method", span.route);
    attributes.integer("nestvec.status", span.status);
  } else {
    attributes.text("http.request.method", span.method);
    attributes.text("http.route", span.route);
    attributes.integer("http.response.status_code", span.status);
  }
  attributes.text("nestvec.request_id", span.request_id);
  for (const auto& [name, value] : span.figures) attributes.number(name, value);
  attributes.close();
}

void append_span(const RequestSpan& span, IdMaker& ids, std::string& out) {
  constexpr std::uint64_t kServer = 2;  // SPAN_KIND_SERVER
  constexpr int kFirstServerError = 500;
  JsonObject members(out);
  members.text("traceId", span.parent ? span.parent->trace_id : ids.next());
  members.text("spanId", ids.next_short());
  if (span.parent) members.text("parentSpanId", span.parent->parent_id);
  members.text("name", span.rpc ? span.route : span.method + " " + span.route);
  members.count("kind", kServer);
  members.text("startTimeUnixNano", nanoseconds(span.start));
  members.text("endTimeUnixNano", nanoseconds(span.end));
  append_attributes(span, members.key("attributes"));
  members.raw("status", span.status >= kFirstServerError ? R"({"code":2})" : "{}");
  members.end();
}

}  // namespace

std::string otlp_json(std::span<const RequestSpan> spans, std::string_view version, IdMaker& ids) {
  std::string out;
  JsonObject request(out);
  JsonArray resource_spans(request.key("resourceSpans"));
  JsonObject of_resource(resource_spans.next());
  JsonObject resource(of_resource.key("resource"));
  Attributes attributes(resource.key("attributes"));
  attributes.text("service.name", "nestvec");
  attributes.text("service.version", version);
  attributes.close();
  resource.end();
  JsonArray scope_spans(of_resource.key("scopeSpans"));
  JsonObject of_scope(scope_spans.next());
  JsonObject scope(of_scope.key("scope"));
  scope.text("name", "nestvec");
  scope.end();
  JsonArray list(of_scope.key("spans"));
  for (const RequestSpan& span : spans) append_span(span, ids, list.next());
  list.end();
  of_scope.end();
  scope_spans.end();
  of_resource.end();
  resource_spans.end();
  request.end();
  return out;
}

}  // namespace nestvec
