// SPDX-License-Identifier: Apache-2.0
#include "bulk/utf16_source.h"

#include <optional>
#include <utility>

#include "base/utf8.h"

namespace nestvec {
namespace {

constexpr char32_t kUtf16Mark = 0xFEFF;

bool is_high(char32_t unit) { return unit >= 0xD800 && unit < 0xDC00; }
bool is_low(char32_t unit) { return unit >= 0xDC00 && unit < 0xE000; }

class Utf16Source final : public ByteSource {
 public:
  Utf16Source(std::unique_ptr<ByteSource> wide, bool big_endian)
      : wide_(std::move(wide)), big_endian_(big_endian) {}

  std::string_view read() override {
    out_.clear();
    while (out_.empty() && !ended_) {
      const std::string_view bytes = wide_->read();
      for (const char byte : bytes) take(static_cast<unsigned char>(byte));
      if (bytes.empty()) finish();
    }
    return out_;
  }
  std::uint64_t raw_bytes() const override { return wide_->raw_bytes(); }

 private:
  void take(char32_t byte) {
    if (!half_) {
      half_ = byte;
      return;
    }
    add(big_endian_ ? (*half_ << 8) | byte : (byte << 8) | *half_);
    half_.reset();
  }

  void add(char32_t unit) {
    if (std::exchange(at_start_, false) && unit == kUtf16Mark) return;
    const std::optional<char32_t> high = std::exchange(high_, std::nullopt);
    if (high && is_low(unit)) {
      append_utf8(0x10000 + ((*high - 0xD800) << 10) + (unit - 0xDC00), out_);
      return;
    }
    if (high) append_utf8(kReplacementCharacter, out_);
    if (is_high(unit)) {
      high_ = unit;
    } else {
      append_utf8(is_low(unit) ? kReplacementCharacter : unit, out_);
    }
  }

  void finish() {
    ended_ = true;
    if (high_ || half_) append_utf8(kReplacementCharacter, out_);
  }

  std::unique_ptr<ByteSource> wide_;
  bool big_endian_;
  bool at_start_ = true;
  bool ended_ = false;
  std::optional<char32_t> half_;  // of a code unit
  std::optional<char32_t> high_;  // of a pair
  std::string out_;
};

}  // namespace

std::unique_ptr<ByteSource> utf16_source(std::unique_ptr<ByteSource> wide, bool big_endian) {
  return std::make_unique<Utf16Source>(std::move(wide), big_endian);
}

}  // namespace nestvec
