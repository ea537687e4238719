// SPDX-License-Identifier: Apache-2.0
// Reads protobuf messages field by field (https://protobuf.dev/programming-guides/encoding/). A
// generated parser would copy the weights; this one hands out where they lie.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "nestvec/error.h"

namespace nestvec {

// One field of a message.
struct MessageField {
  std::uint64_t number = 0;
  std::uint64_t wire = 0;            // 0 varint, 1 eight bytes, 2 length-delimited, 5 four bytes
  std::uint64_t varint = 0;          // of wire 0
  std::span<const std::byte> bytes;  // of the others

  std::string_view text() const {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }
};

// `path` stands in errors and must outlive the reader.
class MessageReader {
 public:
  MessageReader(std::span<const std::byte> message, const std::string& path)
      : rest_(message), path_(path) {}

  // The next field, or nullopt at the end. Throws Error kDataLoss for bytes that are no message.
  std::optional<MessageField> next();

 private:
  std::uint64_t read_varint();
  std::span<const std::byte> take(std::uint64_t size);

  std::span<const std::byte> rest_;
  const std::string& path_;
};

// Adds the numbers of a repeated int64 field, which writers pack into one field or do not. Throws
// Error kDataLoss for one of over 64 bits.
void read_numbers(const MessageField& field, const std::string& path,
                  std::vector<std::int64_t>& out);

// kDataLoss: the ONNX file `path` is not what it should be.
Error corrupt_onnx(const std::string& path, const std::string& message);

}  // namespace nestvec
