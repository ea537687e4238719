// SPDX-License-Identifier: Apache-2.0
#include "sparse.h"

#include <nanobind/ndarray.h>
#include <nanobind/stl/vector.h>

#include <cstdint>
#include <memory>
#include <utility>

#include "call_error.h"
#include "call_queue.h"
#include "signals.h"
#include "text_reader.h"

namespace nb = nanobind;

namespace nestvec {
namespace {

// Enough texts to fill batches well, few enough to hold.
constexpr std::size_t kTextsACall = 256;
constexpr std::size_t kBytesACall = std::size_t{256} << 10;
// Calls that are queued together, so that they share the model's runs.
constexpr std::size_t kCallsAhead = 4;

// float32 [entries] or the like, which owns its memory.
template <typename Value>
nb::object array_of(std::vector<Value> values) {
  auto kept = std::make_unique<std::vector<Value>>(std::move(values));
  Value* data = kept->data();
  const std::size_t size = kept->size();
  const nb::capsule owner(kept.get(),
                          [](void* p) noexcept { delete static_cast<std::vector<Value>*>(p); });
  kept.release();
  return nb::cast(nb::ndarray<nb::numpy, Value, nb::ndim<1>>(data, {size}, owner));
}

// The rows of a list, one call after another.
class SparseRows {
 public:
  std::size_t done() const noexcept { return starts_.size() - 1; }

  // Throws Error: that of the call, with its text named by its place in the list.
  void add(Result<Embeddings> result) {
    if (!result.ok()) throw as_of_list(result.error(), done());
    const Embeddings rows = std::move(result).value();
    for (const std::uint32_t index : rows.truncated) truncated_.push_back(done() + index);
    const std::int64_t before = starts_.back();
    for (std::size_t i = 1; i < rows.sparse.starts.size(); ++i) {
      starts_.push_back(before + static_cast<std::int64_t>(rows.sparse.starts[i]));
    }
    indices_.insert(indices_.end(), rows.sparse.indices.begin(), rows.sparse.indices.end());
    weights_.insert(weights_.end(), rows.sparse.weights.begin(), rows.sparse.weights.end());
  }

  nb::tuple take() {
    const nb::tuple rows = nb::make_tuple(
        array_of(std::move(starts_)), array_of(std::move(indices_)), array_of(std::move(weights_)));
    return nb::make_tuple(rows, truncated_);
  }

 private:
  std::vector<std::int64_t> starts_ = {0};
  std::vector<std::int32_t> indices_;
  std::vector<float> weights_;
  std::vector<std::size_t> truncated_;
};

}  // namespace

nb::tuple encode_sparse(const Model& model, nb::sequence texts, EncodeArguments arguments) {
  check_prompt(model, arguments);
  EmbedOptions& options = arguments.options;
  if (arguments.prompt) options.add_prompt = false;
  options.dense = false;
  options.sparse = true;
  TextReader reader(std::move(texts), arguments.prompt.value_or(""));
  CallQueue<Embeddings> queue;
  options.stop = queue.token();
  SparseRows rows;
  while (!reader.at_end() || !queue.empty()) {
    if (!reader.at_end() && queue.size() < kCallsAhead) {
      const std::vector<std::string> next = reader.read(kTextsACall, kBytesACall);
      {
        nb::gil_scoped_release release;
        queue.add([&](CallQueue<Embeddings>::Done done) {
          model.predict_async(next, {}, options, std::move(done));
        });
      }
      check_signals(queue);
      continue;
    }
    if (!wait_for_signals(queue)) continue;
    rows.add(queue.take());
    if (!arguments.progress.is_none()) arguments.progress(rows.done());
  }
  return rows.take();
}

}  // namespace nestvec
