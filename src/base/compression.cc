// SPDX-License-Identifier: Apache-2.0
#include "base/compression.h"

#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>
#include <limits>
#include <new>

#include "nestvec/error.h"

namespace nestvec {
namespace {

constexpr int kWindow = 15;                // the largest
constexpr int kGzipWindow = kWindow + 16;  // zlib's way to say "gzip"

int window_of(Compression format) {
  if (format == Compression::kGzip) return kGzipWindow;
  return format == Compression::kZlib ? kWindow : -kWindow;  // below 0: without a wrapper
}

Bytef* mutable_bytes(std::string_view text) {
  return reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));  // zlib reads it only
}

// zlib counts in 32 bits.
uInt slice_of(std::size_t bytes) {
  return static_cast<uInt>(std::min<std::size_t>(bytes, std::size_t{1} << 30));
}

Error no_memory_to_pack() {
  return {ErrorCode::kResourceExhausted, "no memory to compress an answer"};
}

}  // namespace

class Decompressor::Zlib {
 public:
  Zlib(int window, bool padded) : padded_(padded) {
    if (inflateInit2(&stream_, window) != Z_OK) throw std::bad_alloc();
  }
  Zlib(const Zlib&) = delete;
  Zlib& operator=(const Zlib&) = delete;
  ~Zlib() { inflateEnd(&stream_); }

  std::optional<std::size_t> next(std::string_view& packed, std::span<char> into) {
    for (;;) {
      if (status_ == Z_STREAM_END && padded_) {
        packed.remove_prefix(std::min(packed.find_first_not_of('\0'), packed.size()));
      }
      if (packed.empty() && !full_) return 0;
      if (status_ == Z_STREAM_END) inflateReset(&stream_);
      const std::size_t made = step(packed, into);
      if (status_ == Z_MEM_ERROR) throw std::bad_alloc();
      if (status_ != Z_OK && status_ != Z_STREAM_END && status_ != Z_BUF_ERROR) {
        return std::nullopt;
      }
      if (made > 0) return made;
    }
  }
  bool is_whole() const noexcept { return status_ == Z_STREAM_END; }
  std::string_view fault() const noexcept {
    return stream_.msg == nullptr ? "is corrupt" : stream_.msg;
  }

 private:
  std::size_t step(std::string_view& packed, std::span<char> into) {
    stream_.next_in = mutable_bytes(packed);
    const uInt given = stream_.avail_in = slice_of(packed.size());
    stream_.next_out = reinterpret_cast<Bytef*>(into.data());
    const uInt room = stream_.avail_out = slice_of(into.size());
    status_ = inflate(&stream_, Z_NO_FLUSH);
    packed.remove_prefix(given - stream_.avail_in);
    full_ = stream_.avail_out == 0 && status_ != Z_STREAM_END;
    return room - stream_.avail_out;
  }

  const bool padded_;
  z_stream stream_{};
  int status_ = Z_OK;
  bool full_ = false;  // more may come of what was taken
};

class Decompressor::Zstd {
 public:
  explicit Zstd(int window_log) {
    if (!stream_) throw std::bad_alloc();
    if (window_log > 0) {
      ZSTD_DCtx_setParameter(stream_.get(), ZSTD_d_windowLogMax, window_log);
    }
  }

  std::optional<std::size_t> next(std::string_view& packed, std::span<char> into) {
    while (!packed.empty() || full_) {
      ZSTD_inBuffer in{packed.data(), packed.size(), 0};
      ZSTD_outBuffer out{into.data(), into.size(), 0};
      wanted_ = ZSTD_decompressStream(stream_.get(), &out, &in);
      packed.remove_prefix(in.pos);
      if (ZSTD_getErrorCode(wanted_) == ZSTD_error_memory_allocation) throw std::bad_alloc();
      if (ZSTD_isError(wanted_) != 0) return std::nullopt;
      full_ = out.pos == out.size && wanted_ != 0;
      if (out.pos > 0) return out.pos;
    }
    return 0;
  }
  bool is_whole() const noexcept { return wanted_ == 0; }
  std::string_view fault() const noexcept { return ZSTD_getErrorName(wanted_); }

 private:
  struct Free {
    void operator()(ZSTD_DStream* stream) const { ZSTD_freeDStream(stream); }
  };

  const std::unique_ptr<ZSTD_DStream, Free> stream_{ZSTD_createDStream()};
  std::size_t wanted_ = 1;  // bytes that the frame wants; 0 between frames
  bool full_ = false;       // as of Zlib
};

Decompressor::Decompressor(Compression format, const Options& options)
    : zlib_(format == Compression::kZstd
                ? nullptr
                : std::make_unique<Zlib>(window_of(format),
                                         format == Compression::kGzip && options.padded)),
      zstd_(format == Compression::kZstd ? std::make_unique<Zstd>(options.window_log) : nullptr) {}

Decompressor::~Decompressor() = default;

std::optional<std::size_t> Decompressor::next(std::string_view& packed, std::span<char> into) {
  const auto made = zlib_ ? zlib_->next(packed, into) : zstd_->next(packed, into);
  if (!made) fault_ = zlib_ ? zlib_->fault() : zstd_->fault();
  return made;
}

bool Decompressor::is_whole() const noexcept {
  return zlib_ ? zlib_->is_whole() : zstd_->is_whole();
}

std::uint32_t crc32_of(std::string_view text, std::uint32_t before) noexcept {
  return static_cast<std::uint32_t>(
      crc32_z(before, reinterpret_cast<const Bytef*>(text.data()), text.size()));
}

std::string gzip_text(std::string_view text) {
  z_stream stream{};
  constexpr int kMemoryLevel = 8;
  if (text.size() > std::numeric_limits<uInt>::max() / 2 ||
      deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, kGzipWindow, kMemoryLevel,
                   Z_DEFAULT_STRATEGY) != Z_OK) {
    throw Error(no_memory_to_pack());
  }
  const std::unique_ptr<z_stream, int (*)(z_stream*)> end(&stream, &deflateEnd);
  std::string packed(deflateBound(&stream, static_cast<uLong>(text.size())), '\0');
  stream.next_in = mutable_bytes(text);
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  deflate(&stream, Z_FINISH);  // the bound makes one call enough
  packed.resize(stream.total_out);
  return packed;
}

std::string zstd_text(std::string_view text) {
  std::string packed(ZSTD_compressBound(text.size()), '\0');
  const std::size_t size = ZSTD_compress(packed.data(), packed.size(), text.data(), text.size(), 1);
  if (ZSTD_isError(size) != 0) throw Error(no_memory_to_pack());
  packed.resize(size);
  return packed;
}

}  // namespace nestvec
