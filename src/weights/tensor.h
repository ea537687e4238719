// SPDX-License-Identifier: Apache-2.0
// Named tensors that live in a mapped file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace nestvec {

enum class DataType { kF32, kF16, kBf16, kI8, kU8, kI32, kI64 };

// Bytes of one element.
std::size_t element_size(DataType type);
// "F32", as safetensors writes it.
std::string_view data_type_name(DataType type);

// A tensor's description and its bytes (row-major, little-endian). Valid until the WeightSet that
// gave it dies.
struct TensorView {
  std::string name;
  DataType type = DataType::kF32;
  std::vector<std::int64_t> shape;
  std::span<const std::byte> bytes;

  std::size_t elements() const;
  std::string shape_text() const;  // "[5, 4, 1024]"
};

// Converts elements [begin, begin + out.size()) of a floating-point tensor to fp32 (exact for bf16 and
// fp16). Throws Error kInvalidArgument for an integer tensor.
void read_as_float(const TensorView& tensor, std::size_t begin, std::span<float> out);

}  // namespace nestvec
