// SPDX-License-Identifier: Apache-2.0
// From a token's string to its id.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>
#include <vector>

#include "tokenizer/model.h"

namespace nestvec {

// Of a short string, eight bytes at a time.
inline std::uint64_t hash_token(std::string_view text) noexcept {
  constexpr std::uint64_t kFactor = 0x9E3779B97F4A7C15;
  std::uint64_t hash = text.size() * kFactor;
  const char* byte = text.data();
  std::size_t left = text.size();
  for (; left > 0;) {
    std::uint64_t next = 0;
    const std::size_t count = left < 8 ? left : 8;
    if (count == 8) {
      std::memcpy(&next, byte, 8);
    } else {
      for (std::size_t i = 0; i < count; ++i) {
        next |= static_cast<std::uint64_t>(static_cast<std::uint8_t>(byte[i])) << (8 * i);
      }
    }
    hash = (hash ^ next) * kFactor;
    hash ^= hash >> 32;
    byte += count;
    left -= count;
  }
  return hash;
}

// A vocabulary, both ways. Immutable after construction; safe for concurrent use.
class TokenIndex {
 public:
  TokenIndex() = default;
  // Of equal texts the last counts, of equal ids too. Throws Error kInvalidArgument as
  // TokenStrings.
  explicit TokenIndex(const std::vector<VocabularyEntry>& entries);

  std::optional<std::uint32_t> find(std::string_view text) const noexcept {
    return find(text, hash_token(text));
  }
  std::optional<std::uint32_t> find(std::string_view text, std::uint64_t hash) const noexcept {
    for (std::size_t i = hash & mask_;; i = (i + 1) & mask_) {
      const Slot& slot = slots_[i];
      if (slot.id == kFree) return std::nullopt;
      if (slot.mark == mark_of(hash) && strings_.find(slot.id) == text) return slot.id;
    }
  }
  std::optional<std::string_view> text(std::uint32_t id) const { return strings_.find(id); }
  std::size_t size() const noexcept { return size_; }  // texts

 private:
  struct Slot {
    std::uint32_t id;
    std::uint32_t mark;  // a part of the hash
  };
  static constexpr std::uint32_t kFree = ~std::uint32_t{0};
  static std::uint32_t mark_of(std::uint64_t hash) noexcept {
    return static_cast<std::uint32_t>(hash >> 32);
  }

  TokenStrings strings_;
  std::vector<Slot> slots_ = {{kFree, 0}};  // at least one is free
  std::size_t mask_ = 0;
  std::size_t size_ = 0;
};

}  // namespace nestvec
