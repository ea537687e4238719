// SPDX-License-Identifier: Apache-2.0
// The tables behind unicode_data.h, unicode_normalize.h and unicode_segment.h. Their numbers are in
// unicode_tables.cc, which scripts/make_unicode_tables.py writes.
#pragma once

#include <cstddef>
#include <cstdint>

namespace nestvec {

// Bits of UnicodeRecord::flags.
inline constexpr std::uint8_t kUnicodeWhitespace = 1;
inline constexpr std::uint8_t kUnicodeWord = 2;
inline constexpr std::uint8_t kUnicodePunctuation = 4;
inline constexpr std::uint8_t kUnicodeControl = 8;
inline constexpr std::uint8_t kUnicodeNonspacingMark = 16;
inline constexpr std::uint8_t kUnicodeCombiningMark = 32;
inline constexpr std::uint8_t kUnicodeLetter = 64;
inline constexpr std::uint8_t kUnicodeNumber = 128;

// Bits of UnicodeRecord::normalization.
inline constexpr std::uint8_t kCanonicalMapping = 1;      // has a canonical decomposition
inline constexpr std::uint8_t kCompatibilityMapping = 2;  // has a compatibility decomposition
inline constexpr std::uint8_t kComposesBack = 4;          // second of a primary composite
inline constexpr std::uint8_t kNotNfc = 8;                // NFC maps it alone to something else
inline constexpr std::uint8_t kNotNfkc = 16;              // NFKC maps it alone to something else
inline constexpr std::uint8_t kLowercaseMapping = 32;     // lowercase differs from itself
inline constexpr std::uint8_t kNumeric = 64;  // is_numeric, which has nothing to do with it

// UnicodeRecord::grapheme: a class of UAX #29, table 2, and two bits for rule GB9c.
enum class GraphemeClass : std::uint8_t {
  kAny,
  kCr,
  kLf,
  kControl,
  kExtend,
  kZwj,
  kRegionalIndicator,
  kPrepend,
  kSpacingMark,
  kL,
  kV,
  kT,
  kLv,
  kLvt,
  kExtendedPictographic,
};
inline constexpr std::uint8_t kGraphemeClassMask = 15;
inline constexpr std::uint8_t kConjunctConsonant = 16;
inline constexpr std::uint8_t kConjunctExtend = 32;
inline constexpr std::uint8_t kConjunctLinker = 64;

// Everything that is looked up often about a code point, four bytes.
struct UnicodeRecord {
  std::uint8_t flags;
  std::uint8_t combining_class;
  std::uint8_t grapheme;
  std::uint8_t normalization;
};

inline constexpr std::uint32_t kUnicodeBlockBits = 7;
inline constexpr char32_t kMaxCodePoint = 0x10FFFF;

extern const std::uint16_t kUnicodeBlocks[];   // block of code points -> block of ids
extern const std::uint8_t kUnicodeIds[];       // -> index of the record
extern const UnicodeRecord kUnicodeRecords[];  // record 0 has no property at all

// Full decompositions without Hangul: blocks of 64 code points -> offset into the pool, where the
// length stands before the code points; 0 = none. Look up only what has the mapping's bit. The
// compatibility table has only what differs from the canonical one.
extern const std::uint16_t kCanonicalBlocks[];
extern const std::uint16_t kCanonicalOffsets[];
extern const std::uint16_t kCompatibilityBlocks[];
extern const std::uint16_t kCompatibilityOffsets[];
extern const char32_t kDecompositionPool[];

// Primary composites without Hangul, sorted by (first, second).
struct CompositionPair {
  char32_t first;
  char32_t second;
  char32_t composite;
};
extern const CompositionPair kCompositionPairs[];
extern const std::size_t kCompositionPairCount;

// Lowercase: blocks of 64 code points -> index of the distance to the lowercase; distance 0 means
// an entry of kLowercasePairs. Look up only what has kLowercaseMapping.
struct LowercasePair {
  char32_t from;
  char32_t first;
  char32_t second;
};
extern const std::uint8_t kLowercaseBlocks[];
extern const std::uint8_t kLowercaseIds[];
extern const std::int32_t kLowercaseDeltas[];
extern const LowercasePair kLowercasePairs[];
extern const std::size_t kLowercasePairCount;

inline const UnicodeRecord& unicode_record(char32_t c) noexcept {
  if (c > kMaxCodePoint) return kUnicodeRecords[0];
  const std::size_t block = kUnicodeBlocks[c >> kUnicodeBlockBits];
  return kUnicodeRecords[kUnicodeIds[(block << kUnicodeBlockBits) |
                                     (c & ((1U << kUnicodeBlockBits) - 1))]];
}
inline std::uint8_t unicode_flags(char32_t c) noexcept { return unicode_record(c).flags; }

}  // namespace nestvec
