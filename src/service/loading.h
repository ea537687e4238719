// SPDX-License-Identifier: Apache-2.0
// What a server says while its model is being loaded.
#pragma once

#include <atomic>
#include <mutex>
#include <string>
#include <string_view>

#include "observe/metrics.h"
#include "service/http_message.h"

namespace nestvec {

// How far the load is. Safe for concurrent use.
class LoadState {
 public:
  // A line of the load's log: what it does now.
  void note(std::string_view line);
  std::string step() const;

  // The part of the compilation that is done, from 0 to 1.
  void progress(double share) { share_ = share; }
  double share() const { return share_; }

 private:
  mutable std::mutex mutex_;  // guards step_
  std::string step_;
  std::atomic<double> share_{0};
};

// /health, /metrics and the pages are answered as ever; /ready says how far the load is. All else
// is 503 with a time to try again.
HttpResponse answer_while_loading(const HttpRequest& request, const LoadState& load,
                                  const Metrics& metrics);

}  // namespace nestvec
