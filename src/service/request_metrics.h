// SPDX-License-Identifier: Apache-2.0
// What every answer of the server is counted as, whatever its transport.
#pragma once

#include <string_view>
#include <vector>

#include "observe/metrics.h"

namespace nestvec {

// Safe for concurrent use. The metrics must outlive it.
class RequestMetrics {
 public:
  explicit RequestMetrics(Metrics& metrics);

  // `route` is one of a few: a path as the server knows it, or "other". `status` is HTTP's.
  void count(std::string_view route, int status, double seconds) const;

 private:
  Metrics& metrics_;
  std::vector<double> bounds_;  // of the histogram
  Counter& refused_;
  Counter& cancelled_;
};

}  // namespace nestvec
