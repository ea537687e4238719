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

// What safetensors and ONNX files hold. Only the first three can be read as weights.
enum class DataType {
  kF32,
  kF16,
  kBf16,
  kF64,
  kI8,
  kU8,
  kBool,
  kI16,
  kU16,
  kI32,
  kU32,
  kI64,
  kU64,
  kF8E4M3,
  kF8E5M2
};

// Bytes of one element.
std::size_t element_size(DataType type);
// "F32", as safetensors writes it.
std::string_view data_type_name(DataType type);

// "[5, 4, 1024]"
std::string shape_text(std::span<const std::int64_t> shape);

// A tensor's description and its bytes (row-major, little-endian). Valid until the WeightSet that
// gave it dies.
struct TensorView {
  std::string name;
  DataType type = DataType::kF32;
  std::vector<std::int64_t> shape;
  std::span<const std::byte> bytes;
  bool transposed = false;  // two axes only: the bytes are those of [shape[1], shape[0]]

  std::size_t elements() const;
  std::string shape_text() const { return nestvec::shape_text(shape); }
};

// Element `index` of the first axis as a tensor of one axis less, sharing the bytes.
// Precondition: the tensor has a first axis longer than `index` and is not transposed.
TensorView slice(const TensorView& tensor, std::size_t index);

// Converts elements [begin, begin + out.size()) of a floating-point tensor, in the order of
// `shape`, to fp32 (exact for bf16 and fp16, NaN payloads included). Throws Error kInvalidArgument
// for another type and for a range that is not inside the tensor.
void read_as_float(const TensorView& tensor, std::size_t begin, std::span<float> out);

}  // namespace nestvec
