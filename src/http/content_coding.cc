// SPDX-License-Identifier: Apache-2.0
#include "http/content_coding.h"

#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <memory>
#include <new>

#include "base/trim.h"
#include "http/body_memory.h"
#include "nestvec/error.h"

namespace nestvec {
namespace {

// zlib takes 32-bit counts, so input goes in slices.
constexpr std::size_t kSlice = std::size_t{1} << 20;
constexpr int kGzipWindow = 15 + 16;  // zlib's way to say "gzip, the largest window"

Bytef* mutable_bytes(std::string_view text) {
  return reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));  // zlib reads it only
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool same_word(std::string_view text, std::string_view word) {
  return std::ranges::equal(text, word, {}, lower);
}

// What has been decoded so far.
class Decoded {
 public:
  Decoded(std::uint64_t limit, std::shared_ptr<MemoryAccount> account)
      : limit_(limit), memory_(std::move(account)) {}

  // Whether more is wanted: no more than limit + 1 bytes, and what there is memory for.
  bool wants_more() const { return !starved_ && !over(); }
  bool over() const { return bytes_.size() > limit_; }
  bool starved() const { return starved_; }
  void add(const char* bytes, std::size_t count) {
    starved_ = !memory_.make_room(bytes_, count);
    if (!starved_) bytes_.append(bytes, count);
  }
  std::string take_bytes() { return std::move(bytes_); }
  MemoryShare take_memory() { return memory_.take(); }

 private:
  const std::uint64_t limit_;
  BodyMemory memory_;
  std::string bytes_;
  bool starved_ = false;
};

class Inflater {
 public:
  explicit Inflater(int window) {
    if (inflateInit2(&stream_, window) != Z_OK) throw std::bad_alloc();
  }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;
  ~Inflater() { inflateEnd(&stream_); }

  // As much as is wanted; false where `encoded` is not whole and sound. A gzip file may have
  // several members.
  bool decode(std::string_view encoded, const RunControl& control, Decoded& decoded) {
    std::array<char, std::size_t{64} << 10> piece;
    std::size_t given = 0;
    int status = Z_OK;
    while (decoded.wants_more()) {
      control.check();
      if (stream_.avail_in == 0) {
        const std::size_t slice = std::min(kSlice, encoded.size() - given);
        stream_.next_in = mutable_bytes(encoded.substr(given));
        stream_.avail_in = static_cast<uInt>(slice);
        given += slice;
      }
      if (status == Z_STREAM_END) {
        if (stream_.avail_in == 0) return true;
        inflateReset(&stream_);
      }
      stream_.next_out = reinterpret_cast<Bytef*>(piece.data());
      stream_.avail_out = static_cast<uInt>(piece.size());
      status = inflate(&stream_, Z_NO_FLUSH);
      if (status == Z_MEM_ERROR) throw std::bad_alloc();
      if (status != Z_OK && status != Z_STREAM_END) return false;
      decoded.add(piece.data(), piece.size() - stream_.avail_out);
    }
    return true;
  }

 private:
  z_stream stream_{};
};

struct FreeContext {
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

// As Inflater::decode. There may be several frames.
bool decode_zstd(std::string_view encoded, const RunControl& control, Decoded& decoded) {
  constexpr int kWindowLog = 23;
  const std::unique_ptr<ZSTD_DCtx, FreeContext> context(ZSTD_createDCtx());
  if (!context) throw std::bad_alloc();
  ZSTD_DCtx_setParameter(context.get(), ZSTD_d_windowLogMax, kWindowLog);
  std::array<char, std::size_t{64} << 10> piece;
  ZSTD_inBuffer in{encoded.data(), encoded.size(), 0};
  std::size_t open = 1;  // bytes that the frame wants; 0 between frames
  bool full = true;      // more may come of what was read
  while (decoded.wants_more() && (in.pos < in.size || full)) {
    control.check();
    ZSTD_outBuffer out{piece.data(), piece.size(), 0};
    open = ZSTD_decompressStream(context.get(), &out, &in);
    if (ZSTD_getErrorCode(open) == ZSTD_error_memory_allocation) throw std::bad_alloc();
    if (ZSTD_isError(open) != 0) return false;
    decoded.add(piece.data(), out.pos);
    full = out.pos == out.size && open != 0;
  }
  return open == 0 || !decoded.wants_more();
}

// The window that tells zlib the format. Clients disagree on what "deflate" is; zlib's wrapper
// begins with a byte that no sensible raw stream begins with.
std::optional<int> window_of(std::string_view coding, std::string_view body) {
  if (same_word(coding, "gzip") || same_word(coding, "x-gzip")) return kGzipWindow;
  if (!same_word(coding, "deflate")) return std::nullopt;
  const bool wrapped = !body.empty() && (static_cast<unsigned char>(body[0]) & 0x0f) == 8;
  return wrapped ? 15 : -15;
}

double quality(std::string_view parameters) {
  const std::size_t at = parameters.find("q=");
  if (at == std::string_view::npos) return 1;
  double value = 0;
  std::from_chars(parameters.data() + at + 2, parameters.data() + parameters.size(), value);
  return value;
}

std::string encode_gzip(std::string_view text) {
  z_stream stream{};
  constexpr int kMemoryLevel = 8;
  if (text.size() > std::numeric_limits<uInt>::max() / 2 ||
      deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, kGzipWindow, kMemoryLevel,
                   Z_DEFAULT_STRATEGY) != Z_OK) {
    throw Error(ErrorCode::kResourceExhausted, "no memory to compress an answer");
  }
  std::string encoded(deflateBound(&stream, static_cast<uLong>(text.size())), '\0');
  stream.next_in = mutable_bytes(text);
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(encoded.data());
  stream.avail_out = static_cast<uInt>(encoded.size());
  deflate(&stream, Z_FINISH);  // the bound makes one call enough
  encoded.resize(stream.total_out);
  deflateEnd(&stream);
  return encoded;
}

std::string encode_zstd(std::string_view text) {
  std::string encoded(ZSTD_compressBound(text.size()), '\0');
  const std::size_t size =
      ZSTD_compress(encoded.data(), encoded.size(), text.data(), text.size(), 1);
  if (ZSTD_isError(size) != 0) {
    throw Error(ErrorCode::kResourceExhausted, "no memory to compress an answer");
  }
  encoded.resize(size);
  return encoded;
}

}  // namespace

std::optional<HttpFault> decode_content(std::string_view coding, std::uint64_t limit,
                                        std::string& body, const RunControl& control,
                                        MemoryShare* memory) {
  coding = trim(coding);
  if (coding.empty() || same_word(coding, "identity")) return std::nullopt;
  Decoded decoded(limit, memory == nullptr ? nullptr : memory->account());
  bool sound = false;
  if (same_word(coding, "zstd")) {
    sound = decode_zstd(body, control, decoded);
  } else if (const std::optional<int> window = window_of(coding, body)) {
    sound = Inflater(*window).decode(body, control, decoded);
  } else {
    return HttpFault{415, "Content-Encoding: expected gzip, deflate, zstd or none"};
  }
  if (decoded.starved()) {
    return HttpFault{503, "there is no memory to unpack the body now; try again"};
  }
  if (!sound) return HttpFault{400, "the body is not what its Content-Encoding says"};
  if (decoded.over()) {
    return HttpFault{413, "the decoded body is longer than " + std::to_string(limit) +
                              " bytes (server.max_body_bytes)"};
  }
  body = decoded.take_bytes();
  if (memory != nullptr) *memory = decoded.take_memory();
  return std::nullopt;
}

ContentCoding accepted_coding(std::string_view accept_encoding) {
  double gzip = 0;
  double zstd = 0;
  while (!accept_encoding.empty()) {
    const std::size_t comma = std::min(accept_encoding.find(','), accept_encoding.size());
    const std::string_view item = accept_encoding.substr(0, comma);
    const std::size_t mark = std::min(item.find(';'), item.size());
    const std::string_view name = trim(item.substr(0, mark));
    if (same_word(name, "gzip")) gzip = quality(item.substr(mark));
    if (same_word(name, "zstd")) zstd = quality(item.substr(mark));
    accept_encoding.remove_prefix(std::min(comma + 1, accept_encoding.size()));
  }
  if (zstd > 0 && zstd >= gzip) return ContentCoding::kZstd;
  return gzip > 0 ? ContentCoding::kGzip : ContentCoding::kNone;
}

std::string_view coding_name(ContentCoding coding) {
  switch (coding) {
    case ContentCoding::kGzip:
      return "gzip";
    case ContentCoding::kZstd:
      return "zstd";
    case ContentCoding::kNone:
      break;
  }
  return "";
}

std::string encode_content(ContentCoding coding, std::string_view text) {
  return coding == ContentCoding::kZstd ? encode_zstd(text) : encode_gzip(text);
}

}  // namespace nestvec
