// SPDX-License-Identifier: Apache-2.0
#include "grpc/grpc_framing.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/excerpt.h"
#include "http/content_coding.h"
#include "service/request_memory.h"

namespace nestvec {
namespace {

constexpr std::size_t kPrefix = 5;  // compressed or not, and the length
constexpr int kByteBits = 8;

std::uint64_t length_of(std::string_view prefix) {
  std::uint64_t length = 0;
  for (const char c : prefix.substr(1, kPrefix - 1)) {
    length = (length << kByteBits) | static_cast<unsigned char>(c);
  }
  return length;
}

Error too_long(std::uint64_t limit) {
  return {ErrorCode::kResourceExhausted,
          "the message is longer than " + std::to_string(limit) + " bytes (server.max_body)"};
}

}  // namespace

std::size_t GrpcMessageReader::missing() const {
  const std::string_view held = std::string_view(buffer_).substr(begin_);
  if (held.size() < kPrefix) return kPrefix - held.size();
  const std::uint64_t whole = kPrefix + length_of(held);
  return held.size() < whole ? static_cast<std::size_t>(whole - held.size()) : 0;
}

void GrpcMessageReader::check_prefix() {
  const std::string_view held = std::string_view(buffer_).substr(begin_);
  if (held.empty() || error_) return;
  if (static_cast<unsigned char>(held[0]) > 1) {
    error_.emplace(ErrorCode::kInternal,
                   "the body is not a gRPC message: its first byte is neither 0 nor 1");
  } else if (held.size() >= kPrefix && length_of(held) > limit_) {
    error_ = too_long(limit_);
  }
}

void GrpcMessageReader::feed(std::string_view bytes) {
  if (buffered() == 0) since_ = Clock::now();
  take_memory(bytes.size());
  if (error_) return;
  buffer_ += bytes;
  check_prefix();
  if (!error_) take_memory(missing());
}

// For so many bytes behind those that are there.
void GrpcMessageReader::take_memory(std::size_t bytes) {
  if (memory_.make_room(buffer_, bytes)) return;
  const std::size_t whole = buffer_.size() + bytes;
  if (!RequestMemory::could_serve(*account_, whole)) {
    error_.emplace(ErrorCode::kResourceExhausted, body_never_fits(*account_, whole).what());
    return;
  }
  account_->count_refusal();
  error_ = no_memory_now(*account_, ErrorCode::kResourceExhausted);
}

std::optional<GrpcMessageReader::Message> GrpcMessageReader::take() {
  if (!ready()) return std::nullopt;
  const std::string_view held = std::string_view(buffer_).substr(begin_);
  const auto length = static_cast<std::size_t>(length_of(held));
  Message message{.compressed = held[0] != 0, .bytes = {}, .memory = {}};
  if (held.size() == kPrefix + length) {  // all of it: no copy
    buffer_.erase(0, begin_ + kPrefix);
    message.bytes = std::exchange(buffer_, std::string());
    message.memory = memory_.take();
    memory_ = BodyMemory(account_);
    begin_ = 0;
    return message;
  }
  BodyMemory memory(account_);
  if (!memory.reserve(message.bytes, length)) {
    account_->count_refusal();
    error_ = no_memory_now(*account_, ErrorCode::kResourceExhausted);
    return std::nullopt;
  }
  message.bytes = held.substr(kPrefix, length);
  message.memory = memory.take();
  begin_ += kPrefix + length;
  // What was taken is let go of in pieces large enough to be worth the move of the rest.
  if (begin_ > buffer_.size() / 2) {
    buffer_.erase(0, begin_);
    begin_ = 0;
  }
  since_ = Clock::now();
  check_prefix();
  return message;
}

std::optional<GrpcMessageReader::Clock::time_point> GrpcMessageReader::partial_since() const {
  if (error_ || buffered() == 0 || missing() == 0) return std::nullopt;
  return since_;
}

std::string grpc_prefix(std::size_t size) {
  std::string prefix(kPrefix, '\0');
  for (std::size_t i = kPrefix - 1; i > 0; --i) {
    prefix[i] = static_cast<char>(size & 0xff);
    size >>= kByteBits;
  }
  return prefix;
}

std::optional<std::chrono::nanoseconds> parse_grpc_timeout(std::string_view text) {
  constexpr std::size_t kMostDigits = 8;
  if (text.size() < 2 || text.size() > kMostDigits + 1) return std::nullopt;
  std::int64_t count = 0;
  const char* const unit = text.data() + text.size() - 1;
  const auto [end, failed] = std::from_chars(text.data(), unit, count);
  if (failed != std::errc{} || end != unit || count < 0) return std::nullopt;
  // Far enough ahead is never, and must not overflow.
  static constexpr std::int64_t kNever = std::int64_t{365} * 24 * 3600;
  const auto seconds = [count](std::int64_t each) {
    return std::chrono::seconds(std::min(count * each, kNever));
  };
  switch (*unit) {
    case 'H':
      return seconds(3600);
    case 'M':
      return seconds(60);
    case 'S':
      return seconds(1);
    case 'm':
      return std::chrono::milliseconds(count);
    case 'u':
      return std::chrono::microseconds(count);
    case 'n':
      return std::chrono::nanoseconds(count);
    default:
      return std::nullopt;
  }
}

std::string grpc_percent_encode(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string encoded;
  encoded.reserve(text.size());
  for (const char c : text) {
    if (c >= ' ' && c <= '~' && c != '%') {
      encoded += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    encoded += '%';
    encoded += kDigits[byte >> 4];
    encoded += kDigits[byte & 0xf];
  }
  return encoded;
}

GrpcMessageReader::Message grpc_decode(GrpcMessageReader::Message message,
                                       std::string_view encoding, std::uint64_t limit) {
  if (!std::exchange(message.compressed, false)) return message;
  if (encoding.empty() || encoding == "identity") {
    throw Error(ErrorCode::kInternal,
                "a message says that it is compressed, and there is no grpc-encoding");
  }
  if (encoding != "gzip" && encoding != "deflate") {
    throw Error(ErrorCode::kUnimplemented, "grpc-encoding is " + excerpt(encoding) +
                                               ": expected one of " + std::string(kGrpcEncodings));
  }
  if (const auto fault = decode_content(encoding, limit, message.bytes, {}, &message.memory)) {
    constexpr int kTooLarge = 413;
    constexpr int kUnavailable = 503;
    if (fault->status == kTooLarge) throw Error(ErrorCode::kResourceExhausted, fault->message);
    if (fault->status == kUnavailable) {
      message.memory.account()->count_refusal();
      throw Error(no_memory_now(*message.memory.account(), ErrorCode::kResourceExhausted));
    }
    throw Error(ErrorCode::kInternal, "a message is not what its grpc-encoding says");
  }
  return message;
}

}  // namespace nestvec
