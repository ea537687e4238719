// SPDX-License-Identifier: Apache-2.0
// Which two neighbours become one, and which of several pairs goes first.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace nestvec {

// From a pair of ids to the rank of its merge and the id that comes out. After the last `add`
// immutable, and safe for concurrent use.
class MergeTable {
 public:
  static constexpr std::uint32_t kNoRank = std::numeric_limits<std::uint32_t>::max();
  struct Merge {
    std::uint32_t rank;  // kNoRank: the two stay as they are
    std::uint32_t id;
  };

  // For so many merges.
  explicit MergeTable(std::size_t merges = 0)
      : slots_(std::bit_ceil(merges * 2 + 1), Slot{kFree, {kNoRank, 0}}),
        shift_(64 - static_cast<unsigned>(std::countr_zero(slots_.size()))) {}

  // Of the same pair the last counts.
  void add(std::uint32_t left, std::uint32_t right, Merge merge) {
    slots_[place(key_of(left, right))] = {key_of(left, right), merge};
  }

  Merge find(std::uint32_t left, std::uint32_t right) const noexcept {
    return slots_[place(key_of(left, right))].merge;
  }

 private:
  struct Slot {
    std::uint64_t key;
    Merge merge;
  };
  static constexpr std::uint64_t kFree = std::numeric_limits<std::uint64_t>::max();
  static std::uint64_t key_of(std::uint32_t left, std::uint32_t right) noexcept {
    return static_cast<std::uint64_t>(left) << 32 | right;
  }

  // Of the key, or of the free slot where it belongs.
  std::size_t place(std::uint64_t key) const noexcept {
    const std::size_t mask = slots_.size() - 1;
    std::size_t i = shift_ == 64 ? 0 : (key * 0x9E3779B97F4A7C15) >> shift_;
    while (slots_[i].key != key && slots_[i].key != kFree) i = (i + 1) & mask;
    return i;
  }

  std::vector<Slot> slots_;  // at least one is free
  unsigned shift_;
};

}  // namespace nestvec
