// SPDX-License-Identifier: Apache-2.0
#include "service/operations.h"

#include <gtest/gtest.h>

#include "support/test_service.h"

namespace nestvec {
namespace {

class Operations : public testing::Test {
 protected:
  Operations() { add_model_metrics(lease_); }
  HttpResponse get(const std::string& path) const { return call(router_, request_of("GET", path)); }

  TestService test_;
  KeyStore keys_;
  const ServedModels::Lease lease_{&test_.service, [](const Service*) {}};
  Router router_{test_.service, keys_, operations_routes(test_.service)};
};

TEST_F(Operations, HealthIsLifeAndReadyIsWork) {
  EXPECT_EQ(get("/health").status, 200);
  EXPECT_EQ(get("/ping").status, 200);
  EXPECT_EQ(get("/ready").status, 503);
  EXPECT_EQ(header_of(get("/ready"), "Retry-After"), "1");
  test_.service.ready = true;
  EXPECT_EQ(get("/ready").status, 200);
  test_.service.draining = true;
  EXPECT_EQ(get("/ready").status, 503);
  EXPECT_EQ(get("/health").status, 200);
}

TEST_F(Operations, ProbesHaveTheNamesOfOtherServers) {
  for (const char* path : {"/healthz", "/livez", "/v1/health/live", "/v2/health/live"}) {
    EXPECT_EQ(get(path).body, get("/health").body) << path;
    EXPECT_EQ(get(path).status, 200);
  }
  EXPECT_EQ(get("/.well-known/live").status, 204);
  for (const char* path :
       {"/readyz", "/v1/health/ready", "/v2/health/ready", "/.well-known/ready"}) {
    test_.service.ready = false;
    EXPECT_EQ(get(path).status, 503) << path;
    test_.service.ready = true;
    EXPECT_LT(get(path).status, 300) << path;
  }
  EXPECT_EQ(get("/.well-known/ready").body, "");
  EXPECT_EQ(get("/v1/metrics").status, 200);
  for (const Route& route : router_.routes()) {
    EXPECT_TRUE(is_operations_request(request_of("GET", std::string(route.path)))) << route.path;
  }
  EXPECT_FALSE(is_operations_request(request_of("POST", "/health")));
  EXPECT_FALSE(is_operations_request(request_of("GET", "/v1/models")));
}

TEST_F(Operations, NoKeyIsAskedFor) {
  keys_.load("secret", "");
  for (const Route& route : router_.routes()) {
    EXPECT_NE(get(std::string(route.path)).status, 401) << route.path;
  }
}

TEST_F(Operations, MetricsHoldTheGauges) {
  const HttpResponse response = get("/metrics");
  EXPECT_EQ(response.content_type, "text/plain; version=0.0.4; charset=utf-8");
  for (const char* name :
       {"nestvec_queue_tokens", "nestvec_queue_texts", "nestvec_queue_seconds",
        "nestvec_running_tokens", "nestvec_tokens_per_second", "nestvec_resident_bytes",
        "nestvec_cache_hits_total", "nestvec_cache_misses_total", "nestvec_cache_bytes",
        "nestvec_cache_entries", "nestvec_ready", "te_queue_size"}) {
    EXPECT_NE(response.body.find("\n" + std::string(name) + " "), std::string::npos) << name;
  }
}

TEST_F(Operations, BuildInfoSaysWhatTheMetricsAreOf) {
  const ModelInfo& model = test_model().info();
  const std::string line = "nestvec_build_info{version=\"0.0.0\",model=\"v3-tiny\",precision=\"" +
                           model.precision + "\",isa=\"" + model.isa + "\"} 1\n";
  EXPECT_NE(get("/metrics").body.find(line), std::string::npos);
}

TEST_F(Operations, HitsAndMissesOnlyGrow) {
  const std::string body = get("/metrics").body;
  for (const char* name : {"nestvec_cache_hits_total", "nestvec_cache_misses_total"}) {
    EXPECT_NE(body.find("# TYPE " + std::string(name) + " counter\n"), std::string::npos) << name;
  }
}

TEST(BatchMetrics, CountRuns) {
  Metrics metrics;
  const BatchObserver observe = batch_metrics(metrics);
  observe({.texts = 3, .tokens = 100, .seconds = 0.5, .retried = 1});
  observe({.texts = 1, .tokens = 20, .seconds = 0.25, .retried = 0});
  const std::string text = "\n" + metrics.text();
  for (const char* line :
       {"nestvec_batches_total 2", "nestvec_retried_fp32_total 1", "nestvec_batch_tokens_sum 120",
        "nestvec_batch_texts_sum 4", "nestvec_batch_seconds_sum 0.75", "te_batch_next_size_count 2",
        "te_batch_next_size_bucket{le=\"2\"} 1", "te_batch_next_tokens_bucket{le=\"64\"} 1",
        "te_batch_next_tokens_sum 120"}) {
    EXPECT_NE(text.find("\n" + std::string(line) + "\n"), std::string::npos) << line << text;
  }
}

}  // namespace
}  // namespace nestvec
