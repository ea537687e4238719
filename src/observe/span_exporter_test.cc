// SPDX-License-Identifier: Apache-2.0
#include "observe/span_exporter.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>

#include "support/silent_port.h"
#include "support/test_client.h"

namespace nestvec {
namespace {

// Stands in for a collector.
class Collector {
 public:
  explicit Collector(int status = 200)
      : server_(local_options(), [this, status](const auto& request, const Respond& respond) {
          bodies_ += request->body;
          ++requests_;
          HttpResponse response;
          response.status = status;
          respond(std::move(response));
        }) {}

  std::string endpoint() const {
    return "http://127.0.0.1:" + std::to_string(server_.server->port());
  }
  int requests() const { return requests_; }
  // What came, once the exporter has ended: one request at a time.
  const std::string& bodies() const { return bodies_; }

 private:
  std::atomic<int> requests_{0};
  std::string bodies_;
  TestServer server_;
};

RequestSpan named(const std::string& id) {
  RequestSpan span;
  span.method = "GET";
  span.route = "/health";
  span.request_id = id;
  span.status = 200;
  return span;
}

std::size_t count_of(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (std::size_t at = 0; (at = text.find(part, at)) != std::string::npos; ++at) ++count;
  return count;
}

class SpanExporterTest : public testing::Test {
 protected:
  std::unique_ptr<SpanExporter> exporter_to(const std::string& endpoint) {
    return std::make_unique<SpanExporter>(endpoint, "1.2.3", metrics_, log_);
  }
  std::uint64_t counted(const std::string& outcome) {
    return metrics_.counter("nestvec_spans_total", "", metric_label("outcome", outcome)).value();
  }

  Metrics metrics_;
  std::string lines_;
  Log log_{LogFormat::kText, [this](std::string_view line) { lines_ += line; }};
};

TEST_F(SpanExporterTest, SendsAllOfThemInBatches) {
  constexpr std::size_t kSpans = 2 * SpanExporter::kBatch + 10;
  Collector collector;
  std::unique_ptr<SpanExporter> exporter = exporter_to(collector.endpoint());
  for (std::size_t i = 0; i < kSpans; ++i) exporter->add(named("id" + std::to_string(i)));
  exporter.reset();
  EXPECT_EQ(counted("sent"), kSpans);
  EXPECT_GE(collector.requests(), 3);
  EXPECT_EQ(count_of(collector.bodies(), "\"spanId\""), kSpans);
  EXPECT_EQ(count_of(collector.bodies(), "\"id511\""), 1u);
  EXPECT_EQ(lines_, "");
}

TEST_F(SpanExporterTest, SendsWithoutBeingAskedTo) {
  Collector collector;
  const std::unique_ptr<SpanExporter> exporter = exporter_to(collector.endpoint());
  for (int i = 1; i <= 2; ++i) {
    exporter->add(named("a"));
    EXPECT_TRUE(eventually([&] { return collector.requests() == i; })) << i;
  }
}

TEST_F(SpanExporterTest, ACollectorThatDoesNotAnswerCostsOnlySpans) {
  const SilentPort silent;
  std::unique_ptr<SpanExporter> exporter =
      exporter_to("http://127.0.0.1:" + std::to_string(silent.port()));
  constexpr std::size_t kSpans = 3 * SpanExporter::kMostWaiting;
  for (std::size_t i = 0; i < kSpans; ++i) exporter->add(named("a"));
  // What the thread has taken and what waits; the rest was dropped at once.
  EXPECT_GE(counted("dropped"), kSpans - 2 * SpanExporter::kMostWaiting);
  exporter.reset();
  EXPECT_EQ(counted("dropped") + counted("failed"), kSpans);
  EXPECT_EQ(count_of(lines_, "\n"), 1u) << "told once: " << lines_;
}

TEST_F(SpanExporterTest, FailuresAreCountedAndTold) {
  Collector collector(503);
  std::unique_ptr<SpanExporter> exporter = exporter_to(collector.endpoint());
  exporter->add(named("a"));
  exporter.reset();
  EXPECT_EQ(counted("failed"), 1u);
  EXPECT_NE(lines_.find("answered 503"), std::string::npos) << lines_;
  EXPECT_THROW(exporter_to("https://collector:4318"), Error);
}

}  // namespace
}  // namespace nestvec
