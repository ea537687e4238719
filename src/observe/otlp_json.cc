// SPDX-License-Identifier: Apache-2.0
#include "observe/otlp_json.h"
#include "base/json.h"
#include "base/json_writer.h"

#include <chrono>
#include <cstdio>

namespace nestvec {
namespace {

// A span has an id of its own; 0 is no id.
std::string random_id(std::mt19937_64& random) {
  std::uint64_t value = 0;
  while (value == 0) value = random();
  char digits[17];
  std::snprintf(digits, sizeof(digits), "%016llx", static_cast<unsigned long long>(value));
  return digits;
}

// 64-bit integers are strings in OTLP's JSON.
std::string nanoseconds(std::chrono::system_clock::time_point time) {
  return std::to_string(
      std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count());
}

class Attributes {
 public:
  explicit Attributes(std::string& out) : out_(out) { out_ += '['; }

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
  void close() { out_ += ']'; }

 private:
  void add(std::string_view key, std::string_view type, std::string_view json) {
    if (out_.back() != '[') out_ += ',';
    JsonObject attribute(out_);
    attribute.text("key", key);
    JsonObject value(attribute.key("value"));
    value.raw(type, json);
    value.end();
    attribute.end();
  }

  std::string& out_;
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

void append_span(const RequestSpan& span, std::mt19937_64& random, std::string& out) {
  constexpr std::uint64_t kServer = 2;  // SPAN_KIND_SERVER
  constexpr int kFirstServerError = 500;
  JsonObject members(out);
  members.text("traceId",
               span.parent ? span.parent->trace_id : random_id(random) + random_id(random));
  members.text("spanId", random_id(random));
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

std::string otlp_json(std::span<const RequestSpan> spans, std::string_view version,
                      std::mt19937_64& random) {
  std::string out = R"({"resourceSpans":[{"resource":{"attributes":)";
  Attributes resource(out);
  resource.text("service.name", "nestvec");
  resource.text("service.version", version);
  resource.close();
  out += R"(},"scopeSpans":[{"scope":{"name":"nestvec"},"spans":[)";
  for (const RequestSpan& span : spans) {
    if (out.back() != '[') out += ',';
    append_span(span, random, out);
  }
  return out += "]}]}]}";
}

}  // namespace nestvec
