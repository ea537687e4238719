// SPDX-License-Identifier: Apache-2.0
#include "http/content_coding.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <memory>

#include "base/compression.h"
#include "base/free_buffer.h"
#include "base/trim.h"
#include "http/body_memory.h"
#include "service/request_memory.h"

namespace nestvec {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool same_word(std::string_view text, std::string_view word) {
  return std::ranges::equal(text, word, {}, lower);
}

// What has been decoded so far.
class Decoded {
 public:
  Decoded(std::uint64_t limit, std::shared_ptr<MemoryAccount> account)
      : limit_(limit), memory_(std::move(account)) {}

  bool over() const { return size_ > limit_; }  // then no more is wanted
  bool starved() const { return starved_; }
  std::uint64_t size() const { return size_; }
  // Where there is no memory for them they are only counted: too many is another answer than no
  // room now.
  void add(const char* bytes, std::size_t count) {
    size_ += count;
    if (starved_) return;
    starved_ = !memory_.make_room(bytes_, count);
    if (!starved_) {
      bytes_.append(bytes, count);
      return;
    }
    free_buffer(bytes_);
    memory_.take();
  }
  std::string take_bytes() { return std::move(bytes_); }
  MemoryShare take_memory() { return memory_.take(); }

 private:
  const std::uint64_t limit_;
  std::uint64_t size_ = 0;
  BodyMemory memory_;
  std::string bytes_;
  bool starved_ = false;
};

// Into `decoded` as much as is wanted; false where `encoded` is not whole and sound.
bool decode(std::string_view encoded, Compression format, const RunControl& control,
            Decoded& decoded) {
  constexpr int kWindowLog = 23;
  Decompressor decompressor(format, {.window_log = kWindowLog});
  std::array<char, std::size_t{64} << 10> piece;
  while (!decoded.over()) {
    control.check();
    const std::optional<std::size_t> made = decompressor.next(encoded, piece);
    if (!made) return false;
    if (*made == 0) return decompressor.is_whole();
    decoded.add(piece.data(), *made);
  }
  return true;
}

// Clients disagree on what "deflate" is; zlib's wrapper begins with a byte that no sensible raw
// stream begins with.
std::optional<Compression> format_of(std::string_view coding, std::string_view body) {
  if (same_word(coding, "zstd")) return Compression::kZstd;
  if (same_word(coding, "gzip") || same_word(coding, "x-gzip")) return Compression::kGzip;
  if (!same_word(coding, "deflate")) return std::nullopt;
  const bool wrapped = !body.empty() && (static_cast<unsigned char>(body[0]) & 0x0f) == 8;
  return wrapped ? Compression::kZlib : Compression::kDeflate;
}

double quality(std::string_view parameters) {
  const std::size_t at = parameters.find("q=");
  if (at == std::string_view::npos) return 1;
  double value = 0;
  std::from_chars(parameters.data() + at + 2, parameters.data() + parameters.size(), value);
  return value;
}

// Of a list of codings the one that does something; the list where there are several.
std::string_view without_identity(std::string_view codings) {
  std::string_view found;
  for (std::string_view rest = codings; !rest.empty();) {
    const std::size_t comma = std::min(rest.find(','), rest.size());
    const std::string_view coding = trim(rest.substr(0, comma));
    rest.remove_prefix(std::min(comma + 1, rest.size()));
    if (coding.empty() || same_word(coding, "identity")) continue;
    if (!found.empty()) return codings;
    found = coding;
  }
  return found;
}

}  // namespace

std::optional<HttpFault> decode_content(std::string_view coding, std::uint64_t limit,
                                        std::string& body, const RunControl& control,
                                        MemoryShare* memory) {
  coding = without_identity(coding);
  if (coding.empty()) return std::nullopt;
  const std::optional<Compression> format = format_of(coding, body);
  if (!format) return HttpFault{415, "Content-Encoding: expected gzip, deflate, zstd or none"};
  Decoded decoded(limit, memory == nullptr ? nullptr : memory->account());
  const bool sound = decode(body, *format, control, decoded);
  if (!sound) return HttpFault{400, "the body is not what its Content-Encoding says"};
  if (decoded.over()) {
    return HttpFault{413, "the decoded body is longer than " + std::to_string(limit) +
                              " bytes (server.max_body)"};
  }
  if (decoded.starved()) {
    const MemoryAccount& account = *memory->account();
    if (!RequestMemory::could_serve(account, decoded.size())) {
      return HttpFault{413, body_never_fits(account, decoded.size()).what()};
    }
    return HttpFault{503, "there is no memory to unpack the body now; try again"};
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
  return coding == ContentCoding::kZstd ? zstd_text(text) : gzip_text(text);
}

}  // namespace nestvec
