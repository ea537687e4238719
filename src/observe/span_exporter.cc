// SPDX-License-Identifier: Apache-2.0
#include "observe/span_exporter.h"

#include <algorithm>
#include <exception>
#include <iterator>
#include <utility>

#include "base/start_thread.h"
#include "base/thread_signals.h"
#include "nestvec/error.h"
#include "observe/otlp_json.h"

namespace nestvec {
namespace {

using Clock = std::chrono::steady_clock;

Counter& outcome(Metrics& metrics, std::string_view name) {
  return metrics.counter("nestvec_spans_total",
                         "Spans of requests: sent to the collector, failed to reach it, dropped "
                         "because too many waited.",
                         metric_label("outcome", name));
}

}  // namespace

SpanExporter::SpanExporter(const std::string& endpoint, std::string version, Metrics& metrics,
                           Log& log)
    : target_(parse_http_url(endpoint, "/v1/traces", "server.otlp_endpoint")),
      version_(std::move(version)),
      log_(log),
      sent_(outcome(metrics, "sent")),
      failed_(outcome(metrics, "failed")),
      dropped_(outcome(metrics, "dropped")),
      thread_(start_thread("the span exporter's thread", [this] { run(); })) {}

SpanExporter::~SpanExporter() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void SpanExporter::add(RequestSpan span) {
  std::size_t waiting = 0;
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.size() == kMostWaiting) return dropped_.add();
    waiting_.push_back(std::move(span));
    waiting = waiting_.size();
  }
  if (waiting == 1 || waiting == kBatch) wake_.notify_all();
}

void SpanExporter::run() {
  block_signals_in_this_thread();
  std::unique_lock lock(mutex_);
  while (!stopping_ || !waiting_.empty()) {
    wake_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
    wake_.wait_for(lock, kPause, [this] { return stopping_ || waiting_.size() >= kBatch; });
    std::vector<RequestSpan> spans = std::exchange(waiting_, {});
    const bool last = stopping_;
    lock.unlock();
    send(spans, Clock::now() + (last ? kLastSeconds : kSeconds));
    lock.lock();
    if (last) return;
  }
}

// All of them until `deadline`, a batch at a time.
void SpanExporter::send(const std::vector<RequestSpan>& spans, Clock::time_point deadline) {
  for (std::size_t begin = 0; begin < spans.size(); begin += kBatch) {
    const std::span batch = std::span(spans).subspan(begin, std::min(kBatch, spans.size() - begin));
    try {
      const int status = http_post(target_, otlp_json(batch, version_, ids_), deadline);
      constexpr int kOk = 200;
      if (status != kOk) {
        throw Error(ErrorCode::kUnavailable,
                    "http://" + target_.host + " answered " + std::to_string(status));
      }
      sent_.add(batch.size());
      failing_ = false;
    } catch (const std::exception& failure) {
      failed_.add(spans.size() - begin);
      return tell(failure.what());
    }
  }
}

// Once for a row of failures.
void SpanExporter::tell(const std::string& failure) {
  if (std::exchange(failing_, true)) return;
  log_.message(LogLevel::kWarning,
               "the collector does not accept spans (server.otlp_endpoint): " + failure);
}

}  // namespace nestvec
