// SPDX-License-Identifier: Apache-2.0
#include "weights/tensor.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "nestvec/error.h"

namespace nestvec {

static_assert(std::endian::native == std::endian::little, "model files are read in place");

std::size_t element_size(DataType type) {
  switch (type) {
    case DataType::kF64:
    case DataType::kI64:
    case DataType::kU64:
      return 8;
    case DataType::kF32:
    case DataType::kI32:
    case DataType::kU32:
      return 4;
    case DataType::kF16:
    case DataType::kBf16:
    case DataType::kI16:
    case DataType::kU16:
      return 2;
    default:
      return 1;
  }
}

std::string_view data_type_name(DataType type) {
  static constexpr std::array<std::string_view, 15> kNames = {
      "F32", "F16", "BF16", "F64", "I8",  "U8",      "BOOL",   "I16",
      "U16", "I32", "U32",  "I64", "U64", "F8_E4M3", "F8_E5M2"};
  return kNames.at(static_cast<std::size_t>(type));
}

std::string shape_text(std::span<const std::int64_t> shape) {
  std::string text = "[";
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (i > 0) text += ", ";
    text += std::to_string(shape[i]);
  }
  return text + "]";
}

std::size_t TensorView::elements() const { return bytes.size() / element_size(type); }

TensorView slice(const TensorView& tensor, std::size_t index) {
  TensorView part;
  part.name = tensor.name + "[" + std::to_string(index) + "]";
  part.type = tensor.type;
  part.shape.assign(tensor.shape.begin() + 1, tensor.shape.end());
  const std::size_t size = tensor.bytes.size() / static_cast<std::size_t>(tensor.shape[0]);
  part.bytes = tensor.bytes.subspan(index * size, size);
  return part;
}

namespace {

// Sources may be unaligned in the file, hence memcpy; compilers make plain vector loads of it.
std::uint32_t load_u16(const std::byte* source) {
  std::uint16_t value;
  std::memcpy(&value, source, sizeof(value));
  return value;
}

void bf16_to_float(const std::byte* source, std::span<float> out) {
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i] = std::bit_cast<float>(load_u16(source + 2 * i) << 16);
  }
}

// The bits shifted into place are the value times 2^-112, subnormals included; infinity and NaN
// keep their payload but need the larger exponent.
void fp16_to_float(const std::byte* source, std::span<float> out) {
  for (std::size_t i = 0; i < out.size(); ++i) {
    const std::uint32_t half = load_u16(source + 2 * i);
    const std::uint32_t magnitude = (half & 0x7fffu) << 13;
    const std::uint32_t finite =
        std::bit_cast<std::uint32_t>(std::bit_cast<float>(magnitude) * 0x1p112f);
    const std::uint32_t bits = (half & 0x7c00u) == 0x7c00u ? magnitude | 0x7f800000u : finite;
    out[i] = std::bit_cast<float>(bits | (half & 0x8000u) << 16);
  }
}

// Elements in the order in which they lie.
void convert(const TensorView& tensor, std::size_t begin, std::span<float> out) {
  const std::byte* source = tensor.bytes.data() + begin * element_size(tensor.type);
  switch (tensor.type) {
    case DataType::kF32:
      std::memcpy(out.data(), source, out.size_bytes());
      return;
    case DataType::kBf16:
      return bf16_to_float(source, out);
    case DataType::kF16:
      return fp16_to_float(source, out);
    default:
      throw Error(ErrorCode::kInvalidArgument, "tensor " + tensor.name + ": type " +
                                                   std::string(data_type_name(tensor.type)) +
                                                   ", expected F32, F16 or BF16");
  }
}

// A transposed tensor: each column of the shape lies behind the one before. What a column has of up
// to kRows rows is read at once; more would not stay in the first cache level.
void read_across(const TensorView& tensor, std::size_t begin, std::span<float> out) {
  constexpr std::size_t kRows = 64;
  const auto rows = static_cast<std::size_t>(tensor.shape[0]);
  const auto columns = static_cast<std::size_t>(tensor.shape[1]);
  std::array<float, kRows> piece;
  for (std::size_t done = 0; done < out.size();) {
    const std::size_t row = (begin + done) / columns;
    const std::size_t first = (begin + done) % columns;
    const std::size_t width = std::min(columns - first, out.size() - done);
    const std::size_t whole_rows = std::min(kRows, (out.size() - done) / columns);
    const std::size_t height = width == columns ? whole_rows : 1;
    const std::span<float> values = std::span(piece).first(height);
    for (std::size_t i = 0; i < width; ++i) {
      convert(tensor, (first + i) * rows + row, values);
      for (std::size_t r = 0; r < height; ++r) out[done + r * columns + i] = values[r];
    }
    done += height * width;
  }
}

}  // namespace

void read_as_float(const TensorView& tensor, std::size_t begin, std::span<float> out) {
  const std::size_t elements = tensor.elements();
  if (begin > elements || out.size() > elements - begin) {
    throw Error(ErrorCode::kInvalidArgument,
                "tensor " + tensor.name + ": elements " + std::to_string(begin) + " to " +
                    std::to_string(begin + out.size()) + " were asked for, it has " +
                    std::to_string(elements));
  }
  if (out.empty()) return;
  if (tensor.transposed) return read_across(tensor, begin, out);
  convert(tensor, begin, out);
}

}  // namespace nestvec
