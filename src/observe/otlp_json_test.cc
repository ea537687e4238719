// SPDX-License-Identifier: Apache-2.0
#include "observe/otlp_json.h"

#include <gtest/gtest.h>

#include "base/json.h"

namespace nestvec {
namespace {

RequestSpan span_of(int status) {
  RequestSpan span;
  span.method = "POST";
  span.route = "/v1/embeddings";
  span.request_id = "id \"1\"";
  span.status = status;
  span.start =
      std::chrono::system_clock::time_point(std::chrono::nanoseconds(1'700'000'000'000'000'001));
  span.end = span.start + std::chrono::milliseconds(20);
  span.figures = {{"nestvec.queue_ms", "0.125"}};
  return span;
}

// The whole of it, by the field names of opentelemetry-proto and its rules for JSON: ids in
// hexadecimal digits, 64-bit integers as strings, enumerations as numbers.
TEST(OtlpJson, IsAnExportRequest) {
  RequestSpan span = span_of(200);
  span.parent = TraceContext{"4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7", true};
  IdMaker ids;
  std::string json = otlp_json(std::vector{span}, "1.2.3", ids);
  const std::string key = R"("spanId":")";
  const std::size_t at = json.find(key) + key.size();
  const std::string id = json.substr(at, 16);
  EXPECT_EQ(id.find_first_not_of("0123456789abcdef"), std::string::npos) << id;
  json.replace(at, 16, "ID");
  EXPECT_EQ(json,
            R"({"resourceSpans":[{"resource":{"attributes":[)"
            R"({"key":"service.name","value":{"stringValue":"nestvec"}},)"
            R"({"key":"service.version","value":{"stringValue":"1.2.3"}}]},)"
            R"("scopeSpans":[{"scope":{"name":"nestvec"},"spans":[)"
            R"({"traceId":"4bf92f3577b34da6a3ce929d0e0e4736","spanId":"ID",)"
            R"("parentSpanId":"00f067aa0ba902b7","name":"POST /v1/embeddings","kind":2,)"
            R"("startTimeUnixNano":"1700000000000000001","endTimeUnixNano":"1700000000020000001",)"
            R"("attributes":[{"key":"http.request.method","value":{"stringValue":"POST"}},)"
            R"({"key":"http.route","value":{"stringValue":"/v1/embeddings"}},)"
            R"({"key":"http.response.status_code","value":{"intValue":"200"}},)"
            R"({"key":"nestvec.request_id","value":{"stringValue":"id \"1\""}},)"
            R"({"key":"nestvec.queue_ms","value":{"doubleValue":0.125}}],"status":{}}]}]}]})");
}

TEST(OtlpJson, ACallOfGrpcIsNamedByItsMethod) {
  RequestSpan span = span_of(400);
  span.rpc = true;
  span.method.clear();
  span.route = "/tei.v1.Embed/Embed";
  IdMaker ids;
  const std::string json = otlp_json(std::vector{span}, "1", ids);
  EXPECT_NE(json.find(R"("name":"/tei.v1.Embed/Embed","kind":2)"), std::string::npos) << json;
  EXPECT_NE(json.find(R"("attributes":[{"key":"rpc.system","value":{"stringValue":"grpc"}},)"
                      R"({"key":"rpc.method","value":{"stringValue":"/tei.v1.Embed/Embed"}},)"
                      R"({"key":"nestvec.status","value":{"intValue":"400"}},)"),
            std::string::npos)
      << json;
}

TEST(OtlpJson, WithoutAParentATraceBegins) {
  IdMaker ids;
  const std::string json = otlp_json(std::vector{span_of(200), span_of(503)}, "1", ids);
  const JsonDocument document = JsonDocument::parse(json, "request");
  const JsonValue root = document.root();
  const std::vector<JsonValue> spans = root.at("resourceSpans")
                                           .elements()
                                           .at(0)
                                           .at("scopeSpans")
                                           .elements()
                                           .at(0)
                                           .at("spans")
                                           .elements();
  ASSERT_EQ(spans.size(), 2u);
  EXPECT_EQ(spans[0].at("traceId").string().size(), 32u);
  EXPECT_NE(spans[0].at("traceId").string(), spans[1].at("traceId").string());
  EXPECT_NE(spans[0].at("spanId").string(), spans[1].at("spanId").string());
  EXPECT_FALSE(spans[0].find("parentSpanId"));
  EXPECT_EQ(spans[0].at("status").size(), 0u);
  EXPECT_EQ(spans[1].at("status").at("code").integer(), 2);
}

}  // namespace
}  // namespace nestvec
