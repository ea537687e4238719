// SPDX-License-Identifier: Apache-2.0
#include "weights/protobuf.h"

#include "base/excerpt.h"

namespace nestvec {

std::optional<MessageField> MessageReader::next() {
  if (rest_.empty()) return std::nullopt;
  MessageField field;
  const std::uint64_t tag = read_varint();
  field.number = tag >> 3;
  field.wire = tag & 7;
  switch (field.wire) {
    case 0:
      field.varint = read_varint();
      break;
    case 1:
      field.bytes = take(8);
      break;
    case 2:
      field.bytes = take(read_varint());
      break;
    case 5:
      field.bytes = take(4);
      break;
    default:
      throw corrupt_onnx(
          path_, "not an ONNX model, or damaged (wire type " + std::to_string(field.wire) + ")");
  }
  return field;
}

std::uint64_t MessageReader::read_varint() {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    const auto byte = std::to_integer<std::uint64_t>(take(1)[0]);
    value |= (byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
  throw corrupt_onnx(path_, "not an ONNX model, or damaged (a number of over 64 bits)");
}

std::span<const std::byte> MessageReader::take(std::uint64_t size) {
  if (size > rest_.size()) {
    throw corrupt_onnx(path_, "the ONNX model is truncated or damaged: " + std::to_string(size) +
                                  " bytes are announced, " + std::to_string(rest_.size()) +
                                  " are left");
  }
  const std::span<const std::byte> taken = rest_.first(size);
  rest_ = rest_.subspan(size);
  return taken;
}

void read_numbers(const MessageField& field, const std::string& path,
                  std::vector<std::int64_t>& out) {
  if (field.wire == 0) {
    out.push_back(static_cast<std::int64_t>(field.varint));
    return;
  }
  // Packed: varints behind one another. Each is read as if it were a field without a tag.
  std::uint64_t value = 0;
  unsigned shift = 0;
  for (const std::byte byte : field.bytes) {
    if (shift > 63) throw corrupt_onnx(path, "a number of over 64 bits");
    value |= (std::to_integer<std::uint64_t>(byte) & 0x7f) << shift;
    shift += 7;
    if (std::to_integer<unsigned>(byte) < 0x80) {
      out.push_back(static_cast<std::int64_t>(value));
      value = 0;
      shift = 0;
    }
  }
}

Error corrupt_onnx(const std::string& path, const std::string& message) {
  return Error(ErrorCode::kDataLoss, one_line(path + ": " + message));
}

}  // namespace nestvec
