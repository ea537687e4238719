// SPDX-License-Identifier: Apache-2.0
// A place in a text that is read once, from its start: how far, how many lines, what checksum.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "bulk/byte_source.h"

namespace nestvec {

// Not thread-safe.
class TextCursor {
 public:
  explicit TextCursor(std::unique_ptr<ByteSource> source) : source_(std::move(source)) {}

  // What has been read and not taken. Valid until the next call of another function.
  std::string_view pending() const { return std::string_view(buffer_).substr(taken_); }
  // Reads on. False at the end. Throws Error as ByteSource::read.
  bool more();
  // Goes on behind the first `bytes` of pending().
  void take(std::size_t bytes);

  // Of all that was taken: bytes after decompression, lines begun and ended, CRC-32.
  std::uint64_t offset() const noexcept { return offset_; }
  std::uint64_t lines() const noexcept { return lines_; }
  std::uint32_t checksum() const noexcept { return checksum_; }
  std::uint64_t raw_bytes() const { return source_->raw_bytes(); }

 private:
  std::unique_ptr<ByteSource> source_;
  std::string buffer_;
  std::size_t taken_ = 0;  // of buffer_
  std::uint64_t offset_ = 0;
  std::uint64_t lines_ = 0;
  std::uint32_t checksum_ = 0;
};

}  // namespace nestvec
