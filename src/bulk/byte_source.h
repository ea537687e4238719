// SPDX-License-Identifier: Apache-2.0
// The bytes of a file or of standard input, decompressed where they are gzip or Zstandard.
#pragma once

#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

namespace nestvec {

class ByteSource {
 public:
  ByteSource() = default;
  ByteSource(const ByteSource&) = delete;
  ByteSource& operator=(const ByteSource&) = delete;
  virtual ~ByteSource() = default;

  // The next bytes, valid until the next call; empty at the end. Blocks. Throws Error: kDataLoss
  // (not a sound file of its compression), kCancelled (a stop was requested), kInternal.
  virtual std::string_view read() = 0;
  // Bytes of the file that have been read, before decompression.
  virtual std::uint64_t raw_bytes() const = 0;
};

// Opens `path`, or standard input for "-". The first bytes tell the compression, not the name. A
// stop also ends a wait for bytes that do not come. Throws Error as file_error, and as read().
std::unique_ptr<ByteSource> open_source(const std::string& path, std::stop_token stop);

// The same for bytes that lie in memory, handed out `piece` at a time, as they are.
std::unique_ptr<ByteSource> memory_source(std::string bytes, std::size_t piece);

// Decompresses what `packed` gives, if it is compressed. `name` is for errors.
std::unique_ptr<ByteSource> unpack_source(std::unique_ptr<ByteSource> packed, std::string name);

}  // namespace nestvec
