// SPDX-License-Identifier: Apache-2.0
#include "weights/weight_set.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <utility>

#include "base/excerpt.h"
#include "base/suggestion.h"
#include "nestvec/error.h"

namespace nestvec {
namespace {

bool by_name(const TensorView& a, const TensorView& b) { return a.name < b.name; }

}  // namespace

WeightSet::WeightSet(std::string source, std::vector<MappedFile> files,
                     std::vector<TensorView> tensors)
    : source_(std::move(source)), files_(std::move(files)), tensors_(std::move(tensors)) {
  std::sort(tensors_.begin(), tensors_.end(), by_name);
  const auto twice =
      std::adjacent_find(tensors_.begin(), tensors_.end(),
                         [](const TensorView& a, const TensorView& b) { return a.name == b.name; });
  if (twice != tensors_.end()) {
    throw Error(ErrorCode::kDataLoss,
                one_line(source_ + ": tensor " + twice->name + " appears twice"));
  }
}

const TensorView* WeightSet::find(std::string_view name) const {
  const auto place = std::lower_bound(
      tensors_.begin(), tensors_.end(), name,
      [](const TensorView& tensor, std::string_view wanted) { return tensor.name < wanted; });
  return place != tensors_.end() && place->name == name ? &*place : nullptr;
}

const TensorView& WeightSet::at(std::string_view name, std::span<const std::int64_t> shape) const {
  const TensorView* tensor = find(name);
  if (tensor == nullptr) {
    throw Error(ErrorCode::kInvalidArgument,
                one_line(source_ + ": no tensor " + std::string(name) + " of shape " +
                         shape_text(shape) + "; " + likest(name)));
  }
  check_tensor(*tensor, shape, source_);
  return *tensor;
}

std::string WeightSet::likest(std::string_view name) const {
  constexpr std::size_t kShown = 3;
  constexpr std::size_t kCompared = 20000;  // names; beyond, an error would take seconds
  if (tensors_.empty()) return "the file holds no tensors";
  std::vector<std::pair<std::size_t, const TensorView*>> ranked;
  for (const TensorView& tensor : tensors_) {
    if (ranked.size() == kCompared || tensor.name.size() > 4 * name.size() + 64) continue;
    ranked.emplace_back(edit_distance(name, tensor.name), &tensor);
  }
  const std::size_t shown = std::min(kShown, ranked.size());
  std::partial_sort(ranked.begin(), ranked.begin() + static_cast<std::ptrdiff_t>(shown),
                    ranked.end());
  std::string text = "of " + std::to_string(tensors_.size()) + " tensors the most similar are ";
  for (std::size_t i = 0; i < shown; ++i) {
    if (i > 0) text += ", ";
    text += ranked[i].second->name + " " + ranked[i].second->shape_text();
  }
  return text;
}

void WeightSet::release(const TensorView& tensor) const {
  for (const MappedFile& file : files_) {
    const auto begin = reinterpret_cast<std::uintptr_t>(file.bytes().data());
    const auto first = reinterpret_cast<std::uintptr_t>(tensor.bytes.data());
    if (first < begin || first >= begin + file.size()) continue;
    const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
    const std::uintptr_t from = first / page * page;  // a neighbour's page is only read again
    ::madvise(reinterpret_cast<void*>(from), first + tensor.bytes.size() - from, MADV_DONTNEED);
    return;
  }
}

void check_tensor(const TensorView& tensor, std::span<const std::int64_t> shape,
                  const std::string& source) {
  const bool is_float = tensor.type == DataType::kF32 || tensor.type == DataType::kF16 ||
                        tensor.type == DataType::kBf16;
  if (!is_float) {
    throw Error(ErrorCode::kInvalidArgument, source + ": tensor " + tensor.name + " has type " +
                                                 std::string(data_type_name(tensor.type)) +
                                                 ", expected F32, F16 or BF16");
  }
  if (!std::equal(shape.begin(), shape.end(), tensor.shape.begin(), tensor.shape.end())) {
    throw Error(ErrorCode::kInvalidArgument, source + ": tensor " + tensor.name + " has shape " +
                                                 tensor.shape_text() + ", expected " +
                                                 shape_text(shape) + " as config.json says");
  }
}

}  // namespace nestvec
