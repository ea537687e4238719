// SPDX-License-Identifier: Apache-2.0
#include "service/request_metrics.h"

#include <string>

namespace nestvec {

RequestMetrics::RequestMetrics(Metrics& metrics)
    : metrics_(metrics),
      bounds_(Metrics::seconds()),
      refused_(metrics.counter("nestvec_refused_total",
                               "Requests answered with 429: the queue was full.")),
      cancelled_(metrics.counter("nestvec_cancelled_total",
                                 "Requests whose client disconnected before the answer.")) {}

void RequestMetrics::count(std::string_view route, int status, double seconds) const {
  constexpr int kRefused = 429;
  constexpr int kCancelled = 499;
  const std::string label = metric_label("route", route);
  metrics_
      .counter("nestvec_requests_total", "Requests answered, by route and status.",
               label + "," + metric_label("status", std::to_string(status)))
      .add();
  metrics_
      .histogram("nestvec_request_seconds", "Time from a request's arrival to its answer.", bounds_,
                 label)
      .observe(seconds);
  if (status == kRefused) refused_.add();
  if (status == kCancelled) cancelled_.add();
}

}  // namespace nestvec
