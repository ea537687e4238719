// SPDX-License-Identifier: Apache-2.0
// gzip, zlib's formats and Zstandard, both ways.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace nestvec {

enum class Compression {
  kGzip,     // one member or several
  kZlib,     // deflate in zlib's wrapper
  kDeflate,  // without one
  kZstd,     // one frame or several
};

// Bytes in one of the formats to what they stand for, piece by piece, in memory that does not grow.
// Not thread-safe.
class Decompressor {
 public:
  struct Options {
    bool padded = false;  // of gzip: zeros may follow, which fill the blocks of a tape
    int window_log = 0;   // of Zstandard: larger windows are refused; 0 = its own limit
  };

  // Throws std::bad_alloc.
  explicit Decompressor(Compression format) : Decompressor(format, Options{}) {}
  Decompressor(Compression format, const Options& options);
  Decompressor(const Decompressor&) = delete;
  Decompressor& operator=(const Decompressor&) = delete;
  ~Decompressor();

  // Takes what it can off the front of `packed` and returns how many bytes it has made, at most
  // `into` holds. With 0 all of `packed` is used, and more is needed where is_whole() says no.
  // nullopt for bytes that are not in the format: fault() says why. Throws std::bad_alloc.
  std::optional<std::size_t> next(std::string_view& packed, std::span<char> into);

  // What was taken so far ends where a member or frame does.
  bool is_whole() const noexcept;
  std::string_view fault() const noexcept { return fault_; }

 private:
  class Zlib;
  class Zstd;

  const std::unique_ptr<Zlib> zlib_;
  const std::unique_ptr<Zstd> zstd_;
  std::string_view fault_;
};

// `text` packed at the quickest level. Throws Error kResourceExhausted without the memory, or for a
// text over 2 GiB. Safe for concurrent use.
std::string gzip_text(std::string_view text);
std::string zstd_text(std::string_view text);

// The checksum of gzip, of `text` behind what `before` is of.
std::uint32_t crc32_of(std::string_view text, std::uint32_t before = 0) noexcept;

}  // namespace nestvec
