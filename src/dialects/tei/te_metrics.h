// SPDX-License-Identifier: Apache-2.0
// Requests as text-embeddings-inference counts them: the te_* families that its dashboards show.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "nestvec/model.h"
#include "observe/metrics.h"
#include "service/http_message.h"

namespace nestvec {

// What an answered request took. For the reply's headers and for the metrics.
struct TeCost {
  bool batch = false;     // a list came, if of one item
  bool predicts = false;  // scores, else vectors
  std::size_t inputs = 0;
  std::size_t characters = 0;
  std::span<const std::uint32_t> tokens;  // of each input
  Timing timing;     // of the call; `tokenize` is divided among the inputs, the rest they share
  double total = 0;  // seconds from the first byte to the answer
};

// Adds x-compute-*, x-total-time, x-tokenization-time, x-queue-time and x-inference-time, times in
// whole milliseconds.
void add_te_headers(const TeCost& cost, HttpResponse& response);

// Safe for concurrent use; keeps the metrics that it counts in.
class TeMetrics {
 public:
  // `max_tokens` is the longest input of the model.
  TeMetrics(Metrics& metrics, std::size_t max_tokens);

  // In this order: a request that has inputs, be they too many; those of one that may be embedded.
  void count_request(bool batch) const;
  void count_inputs(std::size_t inputs, bool predicts = false) const;
  void count_success(const TeCost& cost) const;
  // Under the label of te_failure(). A request is counted once, however many inputs failed.
  void count_failure(const Error& error) const;

 private:
  struct Durations {
    Durations(Metrics& metrics, std::string_view subject);
    void observe(const TeCost& cost, std::size_t times) const;
    Histogram& total;
    Histogram& tokenize;
    Histogram& queue;
    Histogram& inference;
  };

  Metrics& metrics_;
  Counter& single_requests_;
  Counter& batch_requests_;
  Counter& single_successes_;
  Counter& batch_successes_;
  Counter& embeds_;
  Counter& embed_successes_;
  Counter& predicts_;
  Counter& predict_successes_;
  Histogram& lengths_;
  Durations request_;
  Durations embed_;
  Durations predict_;
};

}  // namespace nestvec
