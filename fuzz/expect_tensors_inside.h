// SPDX-License-Identifier: Apache-2.0
// What a reader of weights says of a file lies in it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

#include "weights/tensor.h"

inline void expect_tensors_inside(std::span<const std::byte> file,
                                  const std::vector<nestvec::TensorView>& tensors) {
  const std::byte* end = file.data() + file.size();
  for (const nestvec::TensorView& tensor : tensors) {
    if (tensor.bytes.data() < file.data() || tensor.bytes.data() + tensor.bytes.size() > end) {
      std::abort();
    }
    std::uint64_t elements = 1;
    for (const std::int64_t extent : tensor.shape) elements *= static_cast<std::uint64_t>(extent);
    if (elements != tensor.elements()) std::abort();
  }
}
