// SPDX-License-Identifier: Apache-2.0
#include "search/stoppable.h"

#include <chrono>
#include <future>
#include <memory>
#include <stop_token>
#include <utility>

namespace nestvec {
namespace {

constexpr std::chrono::milliseconds kPatience{50};

// `start` is given what ends the call, and what takes its result.
template <typename Value, typename Start>
Value wait_for(const Interrupted& interrupted, const Start& start) {
  std::stop_source stop;
  // Shared: the model's thread may still be inside set_value when this returns.
  const auto promise = std::make_shared<std::promise<Result<Value>>>();
  std::future<Result<Value>> result = promise->get_future();
  start(stop.get_token(), [promise](Result<Value> value) { promise->set_value(std::move(value)); });
  while (result.wait_for(kPatience) != std::future_status::ready) {
    if (interrupted()) stop.request_stop();
  }
  return result.get().value();
}

}  // namespace

Embeddings predict_until(const Model& model, std::span<const std::string> texts,
                         EmbedOptions options, const Interrupted& interrupted) {
  return wait_for<Embeddings>(interrupted, [&](std::stop_token stop, Model::Done done) {
    options.stop = std::move(stop);
    model.predict_async(texts, std::span<const std::string>(), options, std::move(done));
  });
}

Scores rerank_until(const Model& model, const std::string& query,
                    std::span<const std::string> documents, const Interrupted& interrupted) {
  return wait_for<Scores>(interrupted, [&](std::stop_token stop, Model::ScoresDone done) {
    ScoreOptions options;
    options.stop = std::move(stop);
    options.parse_special = false;
    model.rerank_async(query, documents, options, std::move(done));
  });
}

}  // namespace nestvec
