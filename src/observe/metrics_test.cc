// SPDX-License-Identifier: Apache-2.0
#include "observe/metrics.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <thread>

#include "nestvec/error.h"

namespace nestvec {
namespace {

TEST(Metrics, CountersInOrderWithTheirLabels) {
  Metrics metrics;
  metrics.counter("b_total", "Second.").add(3);
  metrics.counter("a_total", "First\nline \\ here.", metric_label("task", "x")).add();
  metrics.counter("a_total", "not used", metric_label("task", "a\"\\\n")).add(2);
  metrics.counter("a_total", "", metric_label("task", "x")).add();
  EXPECT_EQ(metrics.text(),
            "# HELP a_total First\\nline \\\\ here.\n"
            "# TYPE a_total counter\n"
            "a_total{task=\"a\\\"\\\\\\n\"} 2\n"
            "a_total{task=\"x\"} 2\n"
            "# HELP b_total Second.\n"
            "# TYPE b_total counter\n"
            "b_total 3\n");
}

TEST(Metrics, HistogramsAreCumulative) {
  Metrics metrics;
  const std::vector<double> bounds = {0.5, 1, 2};
  Histogram& histogram = metrics.histogram("h", "H.", bounds, "k=\"v\"");
  for (const double value : {0.1, 0.5, 1.5, 2.0, 9.0}) histogram.observe(value);
  histogram.observe(std::nan(""));
  EXPECT_EQ(metrics.text(),
            "# HELP h H.\n"
            "# TYPE h histogram\n"
            "h_bucket{k=\"v\",le=\"0.5\"} 2\n"
            "h_bucket{k=\"v\",le=\"1\"} 2\n"
            "h_bucket{k=\"v\",le=\"2\"} 4\n"
            "h_bucket{k=\"v\",le=\"+Inf\"} 5\n"
            "h_sum{k=\"v\"} 13.1\n"
            "h_count{k=\"v\"} 5\n");
  EXPECT_EQ(&metrics.histogram("h", "", {}, "k=\"v\""), &histogram);
}

TEST(Metrics, HistogramWithoutLabels) {
  Metrics metrics;
  metrics.histogram("h", "H.", std::vector<double>{1}).observe(2);
  EXPECT_NE(metrics.text().find("h_bucket{le=\"1\"} 0\nh_bucket{le=\"+Inf\"} 1\nh_sum 2\n"),
            std::string::npos);
}

TEST(Metrics, CountersOfOthersAreReadWhenAskedFor) {
  Metrics metrics;
  double value = 1;
  metrics.counter_of("c_total", "C.", [&value] { return value; }, "k=\"v\"");
  value = 3;
  EXPECT_EQ(metrics.text(), "# HELP c_total C.\n# TYPE c_total counter\nc_total{k=\"v\"} 3\n");
}

TEST(Metrics, GaugesAreReadWhenAskedFor) {
  Metrics metrics;
  double value = 1e-5;
  metrics.gauge("g", "G.", [&value] { return value; });
  EXPECT_NE(metrics.text().find("\ng 1e-05\n"), std::string::npos);
  value = std::numeric_limits<double>::infinity();
  EXPECT_NE(metrics.text().find("\ng +Inf\n"), std::string::npos);
  metrics.gauge("g", "G.", [] { return std::nan(""); });
  EXPECT_NE(metrics.text().find("\ng NaN\n"), std::string::npos);
}

TEST(Metrics, AGaugeMayCountAndLookUp) {
  Metrics metrics;
  metrics.gauge("g", "G.", [&metrics] {
    metrics.counter("reads_total", "R.").add();
    return 1.0;
  });
  EXPECT_EQ(metrics.text().find("reads_total"), std::string::npos);
  EXPECT_NE(metrics.text().find("reads_total 1\n"), std::string::npos);
}

TEST(Metrics, AFamilyKeepsItsKind) {
  Metrics metrics;
  metrics.counter("x", "X.");
  EXPECT_THROW(metrics.gauge("x", "X.", [] { return 0.0; }), Error);
  EXPECT_THROW(metrics.histogram("x", "X.", std::vector<double>{1}), Error);
}

TEST(Metrics, BoundsAreFew) {
  const std::vector<double> bounds = Metrics::seconds();
  EXPECT_EQ(bounds.size(), 14u);
  EXPECT_TRUE(std::ranges::is_sorted(bounds));
  EXPECT_EQ(Metrics::powers_of_two(3), (std::vector<double>{1, 2, 4, 8}));
  EXPECT_EQ(Metrics::powers_of_two(13).size(), 14u);
  EXPECT_EQ(Metrics::powers_of_two(14),
            (std::vector<double>{1, 4, 16, 64, 256, 1024, 4096, 16384}));
  EXPECT_EQ(Metrics::powers_of_two(19).back(), std::ldexp(1.0, 19));
  for (int last = 0; last < 30; ++last) {
    EXPECT_LE(Metrics::powers_of_two(last).size(), 14u) << last;
    EXPECT_EQ(Metrics::powers_of_two(last).back(), std::ldexp(1.0, last));
  }
}

TEST(Metrics, CountsOfSeveralThreadsAddUp) {
  Metrics metrics;
  const std::vector<double> bounds = {1};
  const auto work = [&] {
    for (int i = 0; i < 1000; ++i) {
      metrics.counter("c", "C.").add();
      metrics.histogram("h", "H.", bounds).observe(1);
      if (i % 100 == 0) metrics.text();
    }
  };
  std::thread other(work);
  work();
  other.join();
  EXPECT_EQ(metrics.counter("c", "").value(), 2000u);
  EXPECT_NE(metrics.text().find("h_sum 2000\nh_count 2000\n"), std::string::npos);
}

}  // namespace
}  // namespace nestvec
