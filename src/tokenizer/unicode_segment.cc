// SPDX-License-Identifier: Apache-2.0
// The rules GB3 to GB999 of UAX #29, read forwards with the little state that each needs.
#include "tokenizer/unicode_segment.h"

#include "base/utf8.h"
#include "tokenizer/unicode_tables.h"

namespace nestvec {
namespace {

using enum GraphemeClass;

// What a cluster's code points so far mean for the next one.
class ClusterState {
 public:
  // Takes the next code point of the cluster.
  void push(std::uint8_t grapheme) {
    last_ = static_cast<GraphemeClass>(grapheme & kGraphemeClassMask);
    if (last_ == kExtendedPictographic) {
      emoji_ = Emoji::kPictographic;
    } else if (emoji_ != Emoji::kPictographic || (last_ != kExtend && last_ != kZwj)) {
      emoji_ = Emoji::kNone;
    } else if (last_ == kZwj) {
      emoji_ = Emoji::kJoined;
    }
    if ((grapheme & kConjunctConsonant) != 0) {
      conjunct_ = Conjunct::kConsonant;
    } else if ((grapheme & (kConjunctExtend | kConjunctLinker)) == 0) {
      conjunct_ = Conjunct::kNone;
    } else if ((grapheme & kConjunctLinker) != 0 && conjunct_ != Conjunct::kNone) {
      conjunct_ = Conjunct::kLinked;
    }
    flag_half_ = last_ == kRegionalIndicator && !flag_half_;
  }

  // True where there is no boundary before a code point of these properties.
  bool continues_with(std::uint8_t grapheme) const {
    const auto next = static_cast<GraphemeClass>(grapheme & kGraphemeClassMask);
    if (last_ == kCr && next == kLf) return true;                                     // GB3
    if (is_control(last_) || is_control(next)) return false;                          // GB4, GB5
    if (next == kExtend || next == kZwj || next == kSpacingMark) return true;         // GB9, GB9a
    if (last_ == kPrepend) return true;                                               // GB9b
    if ((grapheme & kConjunctConsonant) != 0) return conjunct_ == Conjunct::kLinked;  // GB9c
    if (next == kExtendedPictographic) return emoji_ == Emoji::kJoined;               // GB11
    if (next == kRegionalIndicator) return flag_half_;                                // GB12, GB13
    return joins_hangul(next);  // GB6 to GB8, GB999
  }

 private:
  enum class Emoji { kNone, kPictographic, kJoined };
  enum class Conjunct { kNone, kConsonant, kLinked };

  static bool is_control(GraphemeClass c) { return c == kCr || c == kLf || c == kControl; }

  bool joins_hangul(GraphemeClass next) const {
    switch (last_) {
      case kL:
        return next == kL || next == kV || next == kLv || next == kLvt;
      case kLv:
      case kV:
        return next == kV || next == kT;
      case kLvt:
      case kT:
        return next == kT;
      default:
        return false;
    }
  }

  GraphemeClass last_ = kAny;
  Emoji emoji_ = Emoji::kNone;
  Conjunct conjunct_ = Conjunct::kNone;
  bool flag_half_ = false;  // an odd number of regional indicators ends the cluster
};

}  // namespace

std::size_t find_grapheme_boundary(std::string_view text, std::size_t position, Pace& pace) {
  DecodedCodePoint current = decode_utf8(text.substr(position));
  std::uint8_t grapheme = unicode_record(current.code_point).grapheme;
  ClusterState state;
  while (true) {
    pace.spend();
    position += current.length;
    if (position >= text.size()) return text.size();
    current = decode_utf8(text.substr(position));
    const std::uint8_t next = unicode_record(current.code_point).grapheme;
    // Letters and ideographs, nearly all there is: two without any property never join, and what
    // the state was before them no longer matters.
    if ((grapheme | next) == 0) return position;
    state.push(grapheme);
    if (!state.continues_with(next)) return position;
    grapheme = next;
  }
}

}  // namespace nestvec
