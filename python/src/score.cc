// SPDX-License-Identifier: Apache-2.0
#include "score.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "call_error.h"
#include "call_queue.h"
#include "released_gil.h"
#include "signals.h"
#include "text_reader.h"

namespace nb = nanobind;

namespace nestvec {
namespace {

// Enough pairs to fill batches well, few enough to hold.
constexpr std::size_t kPairsACall = 256;
constexpr std::size_t kBytesACall = std::size_t{256} << 10;
// Calls that are queued together, so that they share the model's runs.
constexpr std::size_t kCallsAhead = 4;

using ScoreQueue = CallQueue<Scores>;

// The scores of a list, filled in from its front.
class ScoreRows {
 public:
  ScoreRows(std::size_t rows, std::size_t width)
      : rows_(rows),
        width_(width),
        values_(std::make_unique_for_overwrite<float[]>(rows * width)) {}

  std::size_t done() const noexcept { return done_; }

  // Throws Error: that of the call, with its text named by its place in the list.
  void add(Result<Scores> result) {
    if (!result.ok()) throw as_of_list(result.error(), done_);
    const Scores scores = std::move(result).value();
    std::copy(scores.values.begin(), scores.values.end(), values_.get() + done_ * width_);
    for (const std::uint32_t index : scores.truncated) truncated_.push_back(done_ + index);
    done_ += scores.rows;
  }

  ScoreResult take() {
    float* data = values_.get();
    const nb::capsule owner(data, [](void* p) noexcept { delete[] static_cast<float*>(p); });
    values_.release();
    return {FloatRows(data, {rows_, width_}, owner), std::move(truncated_)};
  }

 private:
  std::size_t rows_;
  std::size_t width_;
  std::unique_ptr<float[]> values_;
  std::size_t done_ = 0;
  std::vector<std::size_t> truncated_;
};

// Calls start(queue) for the next texts of `reader` until there are none, and waits for all.
template <typename Start>
ScoreResult run_calls(const Model& model, ScoreQueue& queue, const TextReader& reader,
                      const nb::object& progress, Start start) {
  ScoreRows rows(reader.size(), model.info().labels.size());
  while (!reader.at_end() || !queue.empty()) {
    if (!reader.at_end() && queue.size() < kCallsAhead) {
      start();
      check_signals(queue);
      continue;
    }
    if (!wait_for_signals(queue)) continue;
    rows.add(queue.take());
    if (!progress.is_none()) progress(rows.done());
  }
  return rows.take();
}

}  // namespace

ScoreResult rerank(const Model& model, const std::string& query, nb::sequence documents,
                   ScoreArguments arguments) {
  TextReader reader(std::move(documents), "");
  ScoreQueue queue;
  arguments.options.stop = queue.token();
  return run_calls(model, queue, reader, arguments.progress, [&] {
    const std::vector<std::string> texts = reader.read(kPairsACall, kBytesACall);
    const ReleasedGil release;
    queue.add([&](ScoreQueue::Done done) {
      model.rerank_async(query, texts, arguments.options, std::move(done));
    });
  });
}

ScoreResult classify(const Model& model, nb::sequence firsts, std::optional<nb::sequence> seconds,
                     ScoreArguments arguments) {
  TextReader reader(std::move(firsts), "");
  std::optional<TextReader> others;
  if (seconds) others.emplace(std::move(*seconds), "");
  ScoreQueue queue;
  arguments.options.stop = queue.token();
  return run_calls(model, queue, reader, arguments.progress, [&] {
    const std::vector<std::string> texts = reader.read(kPairsACall, kBytesACall);
    std::vector<std::string> second;
    if (others) second = others->read(texts.size(), SIZE_MAX);
    std::vector<TextPair> pairs(texts.begin(), texts.end());
    for (std::size_t i = 0; i < second.size(); ++i) pairs[i].second = second[i];
    const ReleasedGil release;
    queue.add([&](ScoreQueue::Done done) {
      model.classify_async(pairs, arguments.options, std::move(done));
    });
  });
}

}  // namespace nestvec
