// SPDX-License-Identifier: Apache-2.0
#include "kinds.h"

#include <nanobind/ndarray.h>
#include <nanobind/stl/vector.h>

#include <cstdint>
#include <initializer_list>
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

// Enough texts to fill batches well, few enough to hold.
constexpr std::size_t kTextsACall = 256;
constexpr std::size_t kBytesACall = std::size_t{256} << 10;
// Calls that are queued together, so that they share the model's runs.
constexpr std::size_t kCallsAhead = 4;

// An array that owns its memory: float32 [rows, columns], or [entries] of any type.
template <typename Value, typename Shape>
nb::object array_of(std::vector<Value> values, std::initializer_list<std::size_t> shape) {
  auto kept = std::make_unique<std::vector<Value>>(std::move(values));
  Value* data = kept->data();
  const nb::capsule owner(kept.get(),
                          [](void* p) noexcept { delete static_cast<std::vector<Value>*>(p); });
  kept.release();
  return nb::cast(nb::ndarray<nb::numpy, Value, Shape>(data, shape, owner));
}

template <typename Value>
nb::object list_of(std::vector<Value> values) {
  const std::size_t size = values.size();
  return array_of<Value, nb::ndim<1>>(std::move(values), {size});
}

nb::object matrix_of(std::vector<float> values, std::size_t width) {
  const std::size_t rows = width == 0 ? 0 : values.size() / width;
  return array_of<float, nb::ndim<2>>(std::move(values), {rows, width});
}

// The rows of a list, one call after another.
class KindRows {
 public:
  explicit KindRows(const EmbedOptions& options, std::size_t width)
      : has_dense_(options.dense),
        has_sparse_(options.sparse),
        has_multi_(options.multi_vector),
        width_(width) {}

  std::size_t done() const noexcept { return done_; }

  // Throws Error: that of the call, with its text named by its place in the list.
  void add(Result<Embeddings> result) {
    if (!result.ok()) throw as_of_list(result.error(), done_);
    const Embeddings rows = std::move(result).value();
    for (const std::uint32_t index : rows.truncated) truncated_.push_back(done_ + index);
    dense_.insert(dense_.end(), rows.values.begin(), rows.values.end());
    if (has_sparse_) add_sparse(rows.sparse);
    if (has_multi_) add_multi(rows.multi);
    done_ += rows.rows;
  }

  nb::tuple take() {
    nb::object dense = nb::none();
    nb::object sparse = nb::none();
    nb::object multi = nb::none();
    if (has_dense_) dense = matrix_of(std::move(dense_), width_);
    if (has_sparse_) {
      sparse = nb::make_tuple(list_of(std::move(starts_)), list_of(std::move(indices_)),
                              list_of(std::move(weights_)));
    }
    if (has_multi_) multi = std::move(multi_);
    return nb::make_tuple(nb::make_tuple(dense, sparse, multi), truncated_);
  }

 private:
  void add_sparse(const SparseVectors& rows) {
    const std::int64_t before = starts_.back();
    for (std::size_t i = 1; i < rows.starts.size(); ++i) {
      starts_.push_back(before + static_cast<std::int64_t>(rows.starts[i]));
    }
    indices_.insert(indices_.end(), rows.indices.begin(), rows.indices.end());
    weights_.insert(weights_.end(), rows.weights.begin(), rows.weights.end());
  }

  void add_multi(const MultiVectors& rows) {
    for (std::size_t i = 1; i < rows.starts.size(); ++i) {
      const float* const values = rows.values.data();
      multi_.append(matrix_of(std::vector<float>(values + rows.starts[i - 1] * rows.width,
                                                 values + rows.starts[i] * rows.width),
                              rows.width));
    }
  }

  bool has_dense_;
  bool has_sparse_;
  bool has_multi_;
  std::size_t width_;
  std::size_t done_ = 0;
  std::vector<float> dense_;
  std::vector<std::int64_t> starts_ = {0};
  std::vector<std::int32_t> indices_;
  std::vector<float> weights_;
  nb::list multi_;
  std::vector<std::size_t> truncated_;
};

}  // namespace

nb::tuple encode_kinds(const Model& model, nb::sequence texts, EncodeArguments arguments) {
  check_prompt(model, arguments);
  EmbedOptions& options = arguments.options;
  if (arguments.prompt) options.add_prompt = false;
  TextReader reader(std::move(texts), arguments.prompt.value_or(""));
  CallQueue<Embeddings> queue;
  options.stop = queue.token();
  KindRows rows(options, options.dimensions > 0 ? options.dimensions : model.info().dimensions);
  while (!reader.at_end() || !queue.empty()) {
    if (!reader.at_end() && queue.size() < kCallsAhead) {
      const std::vector<std::string> next = reader.read(kTextsACall, kBytesACall);
      {
        const ReleasedGil release;
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
