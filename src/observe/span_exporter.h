// SPDX-License-Identifier: Apache-2.0
// Sends spans of requests to an OpenTelemetry collector, from a thread of its own.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/ids.h"
#include "observe/http_post.h"
#include "observe/log.h"
#include "observe/metrics.h"
#include "observe/trace.h"

namespace nestvec {

// Safe for concurrent use. What a collector does not take, or not soon enough, is dropped and
// counted (nestvec_spans_total): requests never wait for it.
class SpanExporter {
 public:
  // `endpoint` is server.otlp_endpoint. The metrics and the log outlive it. Throws Error
  // kInvalidArgument, kResourceExhausted.
  SpanExporter(const std::string& endpoint, std::string version, Metrics& metrics, Log& log);
  SpanExporter(const SpanExporter&) = delete;
  SpanExporter& operator=(const SpanExporter&) = delete;
  // Sends what is left. A collector that does not answer is waited for no longer than kSeconds for
  // what is under way and kLastSeconds for the rest.
  ~SpanExporter();

  // Does not block: of a full queue the new span is dropped.
  void add(RequestSpan span);

  static constexpr std::size_t kMostWaiting = 4096;
  static constexpr std::size_t kBatch = 256;
  static constexpr std::chrono::seconds kPause{1};  // a batch waits so long for more
  static constexpr std::chrono::seconds kSeconds{3};
  static constexpr std::chrono::seconds kLastSeconds{2};

 private:
  void run();
  void send(const std::vector<RequestSpan>& spans, std::chrono::steady_clock::time_point deadline);
  void tell(const std::string& failure);

  const HttpTarget target_;
  const std::string version_;
  Log& log_;
  Counter& sent_;
  Counter& failed_;
  Counter& dropped_;

  IdMaker ids_;
  bool failing_ = false;  // of the thread: it has been told

  std::mutex mutex_;  // guards waiting_ and stopping_
  std::condition_variable wake_;
  std::vector<RequestSpan> waiting_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace nestvec
