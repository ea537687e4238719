// SPDX-License-Identifier: Apache-2.0
// Mappings of single code points: look-ups in unicode_tables.cc and the Hangul arithmetic.
#include "tokenizer/unicode_data.h"

#include <algorithm>
#include <tuple>

namespace nestvec {
namespace {

constexpr std::uint32_t kBlockBits = 6;
constexpr std::uint32_t kBlockMask = (1U << kBlockBits) - 1;

// Hangul syllables, The Unicode Standard, section 3.12.
constexpr char32_t kSyllableBase = 0xAC00;
constexpr char32_t kLeadBase = 0x1100;
constexpr char32_t kVowelBase = 0x1161;
constexpr char32_t kTailBase = 0x11A7;  // one before the first tail
constexpr char32_t kLeadCount = 19;
constexpr char32_t kVowelCount = 21;
constexpr char32_t kTailCount = 28;
constexpr char32_t kSyllableCount = kLeadCount * kVowelCount * kTailCount;

bool in_range(char32_t c, char32_t first, char32_t count) { return c - first < count; }

std::span<const char32_t> decompose_hangul(char32_t c, DecompositionBuffer& buffer) {
  const char32_t index = c - kSyllableBase;
  const char32_t tail = index % kTailCount;
  buffer = {kLeadBase + index / (kVowelCount * kTailCount),
            kVowelBase + index / kTailCount % kVowelCount, kTailBase + tail};
  return {buffer.data(), tail == 0 ? 2U : 3U};
}

std::span<const char32_t> pooled(std::uint16_t offset) {
  return {&kDecompositionPool[offset + 1U], kDecompositionPool[offset]};
}

std::span<const char32_t> canonical_entry(char32_t c, DecompositionBuffer& buffer) {
  if (in_range(c, kSyllableBase, kSyllableCount)) return decompose_hangul(c, buffer);
  const std::size_t block = kCanonicalBlocks[c >> kBlockBits];
  return pooled(kCanonicalOffsets[(block << kBlockBits) | (c & kBlockMask)]);
}

}  // namespace

CaseMapping lookup_lowercase(char32_t c) noexcept {
  if ((unicode_record(c).normalization & kLowercaseMapping) == 0) return {{c, 0, 0}, 1};
  const std::size_t block = kLowercaseBlocks[c >> kBlockBits];
  const std::int32_t delta =
      kLowercaseDeltas[kLowercaseIds[(block << kBlockBits) | (c & kBlockMask)]];
  if (delta != 0) return {{static_cast<char32_t>(static_cast<std::int32_t>(c) + delta), 0, 0}, 1};
  const LowercasePair* pair = std::find_if(kLowercasePairs, kLowercasePairs + kLowercasePairCount,
                                           [c](const LowercasePair& p) { return p.from == c; });
  return {{pair->first, pair->second, 0}, 2};
}

std::span<const char32_t> canonical_decomposition(char32_t c,
                                                  DecompositionBuffer& buffer) noexcept {
  if ((unicode_record(c).normalization & kCanonicalMapping) == 0) return {};
  return canonical_entry(c, buffer);
}

std::span<const char32_t> compatibility_decomposition(char32_t c,
                                                      DecompositionBuffer& buffer) noexcept {
  const std::uint8_t mappings = unicode_record(c).normalization;
  if ((mappings & kCompatibilityMapping) == 0) return {};
  const std::size_t block = kCompatibilityBlocks[c >> kBlockBits];
  const std::uint16_t offset = kCompatibilityOffsets[(block << kBlockBits) | (c & kBlockMask)];
  // Where both decompositions are the same, only the canonical table has it.
  return offset != 0 ? pooled(offset) : canonical_entry(c, buffer);
}

char32_t compose_pair(char32_t first, char32_t second) noexcept {
  if ((unicode_record(second).normalization & kComposesBack) == 0) return 0;
  if (in_range(second, kVowelBase, kVowelCount)) {
    if (!in_range(first, kLeadBase, kLeadCount)) return 0;
    return kSyllableBase + ((first - kLeadBase) * kVowelCount + (second - kVowelBase)) * kTailCount;
  }
  if (in_range(second, kTailBase + 1, kTailCount - 1)) {
    const bool open =
        in_range(first, kSyllableBase, kSyllableCount) && (first - kSyllableBase) % kTailCount == 0;
    return open ? first + (second - kTailBase) : 0;
  }
  const CompositionPair* end = kCompositionPairs + kCompositionPairCount;
  const CompositionPair* found = std::lower_bound(
      kCompositionPairs, end, std::tuple(first, second),
      [](const auto& pair, const auto& key) { return std::tuple(pair.first, pair.second) < key; });
  const bool exists = found != end && found->first == first && found->second == second;
  return exists ? found->composite : 0;
}

}  // namespace nestvec
