// SPDX-License-Identifier: Apache-2.0
// The tensors of a checkpoint, by name.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/mapped_file.h"
#include "weights/tensor.h"

namespace nestvec {

// Owns the mapped files and knows the tensors in them. Movable (views stay valid), not copyable.
// Immutable after construction; safe for concurrent use.
class WeightSet {
 public:
  WeightSet() = default;
  // `source` is what errors call the set: a file or a folder. `tensors` point into `files`.
  // Throws Error kDataLoss when two tensors have the same name.
  WeightSet(std::string source, std::vector<MappedFile> files, std::vector<TensorView> tensors);

  const std::string& source() const noexcept { return source_; }
  // Sorted by name.
  const std::vector<TensorView>& tensors() const noexcept { return tensors_; }

  // The tensor of that name, or nullptr. Valid until the set dies.
  const TensorView* find(std::string_view name) const;

  // The floating-point tensor of that name and shape. Throws Error kInvalidArgument naming the
  // tensor, the expected and the found shape or type, and the likest names when there is none.
  const TensorView& at(std::string_view name, std::span<const std::int64_t> shape) const;

  // Gives the resident pages of a tensor of this set back to the system; they are read again when
  // touched. Does nothing for a tensor that is not in one of the set's files.
  void release(const TensorView& tensor) const;

 private:
  std::string likest(std::string_view name) const;

  std::string source_;
  std::vector<MappedFile> files_;
  std::vector<TensorView> tensors_;
};

// Throws Error kInvalidArgument unless `tensor` is F32, F16 or BF16 and has that shape. `source` is
// the file or folder that errors name.
void check_tensor(const TensorView& tensor, std::span<const std::int64_t> shape,
                  const std::string& source);

}  // namespace nestvec
