// SPDX-License-Identifier: Apache-2.0
#include "observe/process_metrics.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <string>

namespace nestvec {
namespace {

TEST(ProcessStat, IsReadBehindTheName) {
  const auto stat = parse_process_stat(
      "7 (a b) c) R 1 7 7 0 -1 0 9 9 9 9 250 50 1 1 20 0 12 0 4200 1048576 3 0 0", 100);
  ASSERT_TRUE(stat);
  EXPECT_DOUBLE_EQ(stat->cpu_seconds, 3.0);
  EXPECT_EQ(stat->threads, 12u);
  EXPECT_DOUBLE_EQ(stat->start_seconds, 42.0);
  EXPECT_EQ(stat->virtual_bytes, 1048576u);
  EXPECT_EQ(stat->resident_pages, 3u);
}

TEST(ProcessStat, WhatIsNoSuchLineIsNotKnown) {
  for (const char* line : {"", "7 (a", "7 (a) R 1 7",
                           "7 (a) R 1 7 7 0 -1 0 9 9 9 9 x 50 1 1 20 0 12 "
                           "0 4200 1048576 3 0 0"}) {
    EXPECT_FALSE(parse_process_stat(line, 100)) << line;
  }
}

TEST(ProcessMetrics, AreThoseOfThisProcess) {
  Metrics metrics;
  add_process_metrics(metrics);
  const std::string text = "\n" + metrics.text();
  const auto value = [&text](const std::string& name) {
    const std::size_t at = text.find("\n" + name + " ");
    return at == std::string::npos ? std::nan("") : std::stod(text.substr(at + name.size() + 2));
  };
  EXPECT_NE(text.find("# TYPE process_cpu_seconds_total counter\n"), std::string::npos);
  EXPECT_GE(value("process_cpu_seconds_total"), 0);
  EXPECT_GT(value("process_resident_memory_bytes"), 1 << 20);
  EXPECT_GT(value("process_virtual_memory_bytes"), value("process_resident_memory_bytes"));
  EXPECT_GE(value("process_threads"), 1);
  EXPECT_GE(value("process_open_fds"), 3);
  EXPECT_GE(value("process_max_fds"), value("process_open_fds"));
  constexpr double kYear2020 = 1577836800;
  EXPECT_GT(value("process_start_time_seconds"), kYear2020);
}

}  // namespace
}  // namespace nestvec
