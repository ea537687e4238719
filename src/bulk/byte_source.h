// SPDX-License-Identifier: Apache-2.0
// The bytes of a file or of standard input: decompressed where they are gzip or Zstandard, and as
// UTF-8 where they are UTF-16 with a byte order mark.
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
// stop also ends a wait for bytes that do not come. Throws Error as file_error, as read(), and,
// unless `force_text`, as check_text.
std::unique_ptr<ByteSource> open_source(const std::string& path, std::stop_token stop,
                                        bool force_text = false);

// The same for bytes that lie in memory, handed out `piece` at a time, as they are.
std::unique_ptr<ByteSource> memory_source(std::string bytes, std::size_t piece);

// Decodes what `packed` gives, if it is compressed, also more than once, or UTF-16. `name` is for
// errors. Throws Error as read(), and kDataLoss for bytes that are compressed more often than
// anybody does.
std::unique_ptr<ByteSource> unpack_source(std::unique_ptr<ByteSource> packed,
                                          const std::string& name);

// The same bytes, when check_text has seen the first that come.
std::unique_ptr<ByteSource> checked_source(std::unique_ptr<ByteSource> source,
                                           const std::string& name);

}  // namespace nestvec
