// SPDX-License-Identifier: Apache-2.0
#include "text/chunking.h"

#include <algorithm>
#include <span>

#include "base/utf8.h"
#include "text/sentence_marks.h"

namespace nestvec {
namespace {

// Whether there is nothing to be seen between two places of a text. Both only go forward, so that
// no character is looked at twice.
class BlankFinder {
 public:
  BlankFinder(std::string_view text, Pace& pace) : text_(text), pace_(pace) {}

  bool is_blank(std::size_t begin, std::size_t end) {
    looked_ = std::max(looked_, begin);
    while (looked_ < end) {
      pace_.spend();
      const DecodedCodePoint next = decode_utf8(text_.substr(looked_));
      if (!is_invisible(next.code_point)) return false;
      looked_ += next.length;
    }
    return true;
  }

 private:
  std::string_view text_;
  Pace& pace_;
  std::size_t looked_ = 0;  // where a character is seen, or the end of what is known to be blank
};

class SentenceSplitter {
 public:
  SentenceSplitter(std::string_view text, Pace& pace) : text_(text), pace_(pace) {}

  std::vector<ByteSpan> split() {
    while (position_ < text_.size()) step();
    if (visible()) {
      close(text_.size());
    } else if (!spans_.empty()) {
      spans_.back().end = text_.size();
    }
    return std::move(spans_);
  }

 private:
  // White space from a place on.
  struct Gap {
    std::size_t end = 0;
    std::size_t breaks = 0;  // lines that end in it
    char32_t following = 0;  // the character behind it; 0 at the end of the text
  };

  char32_t at(std::size_t position) const {
    return position < text_.size() ? decode_utf8(text_.substr(position)).code_point : 0;
  }

  Gap gap_at(std::size_t position) const {
    Gap gap{.end = position};
    char32_t before = 0;
    while (gap.end < text_.size()) {
      pace_.spend();
      const DecodedCodePoint next = decode_utf8(text_.substr(gap.end));
      gap.following = next.code_point;
      if (!is_white_space(next.code_point)) return gap;
      if (is_line_break(next.code_point) && (before != '\r' || next.code_point != '\n')) {
        gap.breaks += next.code_point == 0x2029 ? 2 : 1;
      }
      before = next.code_point;
      gap.end += next.length;
    }
    gap.following = 0;
    return gap;
  }

  void step() {
    pace_.spend();
    const DecodedCodePoint next = decode_utf8(text_.substr(position_));
    const char32_t c = next.code_point;
    if (is_line_break(c)) {
      const Gap gap = gap_at(position_);
      position_ = gap.end;
      if (visible() && (gap.breaks > 1 || !is_lower_case_letter(gap.following))) close(gap.end);
      return;
    }
    if (is_terminator(c) || is_strong_terminator(c)) {
      pass_terminators();
      return;
    }
    if (!visible() && !is_invisible(c)) seen_ = position_;
    position_ += next.length;
  }

  // At a terminator: goes behind it, its companions and closers, and ends the sentence if it does.
  void pass_terminators() {
    const std::size_t first = position_;
    if (!visible()) seen_ = first;
    bool strong = false;
    bool closed = false;
    while (position_ < text_.size()) {
      pace_.spend();
      const DecodedCodePoint next = decode_utf8(text_.substr(position_));
      const bool terminator =
          is_terminator(next.code_point) || is_strong_terminator(next.code_point);
      // Behind a quote the next terminator is another sentence's.
      if (terminator ? closed : !is_closer(next.code_point)) break;
      closed = !terminator;
      strong = strong || is_strong_terminator(next.code_point);
      position_ += next.length;
    }
    const Gap gap = gap_at(position_);
    if (strong ? !is_digit(at(position_)) : ends_sentence(first, gap)) {
      position_ = gap.end;
      close(gap.end);
    }
  }

  // Whether terminators that need white space, from `first` to the current place, end a sentence.
  bool ends_sentence(std::size_t first, const Gap& gap) const {
    if (gap.following == 0) return true;
    if (gap.end == position_ || is_lower_case_letter(gap.following)) return false;
    const bool only_full_stop = text_[first] == '.' && position_ == first + 1;
    if (!only_full_stop) return true;
    const std::string_view word = word_before(first);
    const bool number = !word.empty() && std::all_of(word.begin(), word.end(),
                                                     [](char c) { return c >= '0' && c <= '9'; });
    if (number && seen_ >= first - word.size()) return false;
    return !is_abbreviation(word, is_digit(gap.following));
  }

  // What stands before `end`, back to white space or an opening bracket; long words are cut.
  std::string_view word_before(std::size_t end) const {
    constexpr std::size_t kEnough = 16;
    std::size_t begin = end;
    while (begin > start_ && end - begin < kEnough) {
      const char c = text_[begin - 1];
      if (static_cast<unsigned char>(c) <= 0x20 || c == '(' || c == '[' || c == '"') break;
      --begin;
    }
    while (begin < end && is_continuation(text_[begin])) ++begin;
    return text_.substr(begin, end - begin);
  }

  static bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

  void close(std::size_t end) {
    spans_.push_back({start_, end});
    start_ = end;
    seen_ = kNothing;
  }

  bool visible() const { return seen_ != kNothing; }

  static constexpr std::size_t kNothing = std::string_view::npos;
  std::string_view text_;
  Pace& pace_;
  std::size_t position_ = 0;
  std::size_t start_ = 0;        // of the sentence
  std::size_t seen_ = kNothing;  // its first character that is to be seen
  std::vector<ByteSpan> spans_;
};

// Whether a cut at `position` parts two words.
bool is_between_words(std::string_view text, std::size_t position) {
  const auto space = [text](std::size_t i) { return static_cast<unsigned char>(text[i]) <= 0x20; };
  return position > 0 && position < text.size() && (space(position) || space(position - 1));
}

// Where the tokens begin in the text: between characters, not descending. Several tokens of one
// character begin at the same place.
std::vector<std::size_t> token_starts(std::string_view text, TokenOffsets offsets, Pace& pace) {
  std::vector<std::size_t> starts;
  for (const auto& [begin, end] : offsets) {
    pace.spend();
    std::size_t start = begin;
    if (begin >= end || end > text.size()) continue;
    while (start < text.size() && (static_cast<unsigned char>(text[start]) & 0xC0) == 0x80) ++start;
    starts.push_back(starts.empty() ? start : std::max(start, starts.back()));
  }
  return starts;
}

// Where the chunk that begins with token `first` ends: the token behind its last. Of two chunks in
// a row, what is looked at is a small multiple of what they pass.
std::size_t end_of_chunk(std::string_view text, std::span<const std::size_t> starts,
                         std::size_t first, std::size_t tokens, Pace& pace) {
  const std::size_t most = first + tokens;
  for (std::size_t end = most; end > first + (tokens + 1) / 2; --end) {
    pace.spend();
    if (starts[end] > starts[end - 1] && is_between_words(text, starts[end])) return end;
  }
  std::size_t end = most;
  for (; end > first && starts[end] == starts[end - 1]; --end) pace.spend();
  if (end > first) return end;
  // A character of more tokens than a chunk has.
  end = most;
  for (; end < starts.size() && starts[end] == starts[end - 1]; ++end) pace.spend();
  return end;
}

}  // namespace

std::vector<ByteSpan> split_sentences(std::string_view text, Pace& pace) {
  return SentenceSplitter(text, pace).split();
}

std::vector<ByteSpan> chunk_by_sentences(std::string_view text, std::size_t sentences, Pace& pace) {
  const std::vector<ByteSpan> all = split_sentences(text, pace);
  std::vector<ByteSpan> chunks;
  for (std::size_t i = 0; i < all.size();) {
    const std::size_t count = std::min(sentences, all.size() - i);
    chunks.push_back({all[i].begin, all[i + count - 1].end});
    i += count;
  }
  return chunks;
}

std::vector<ByteSpan> chunk_by_tokens(std::string_view text, TokenOffsets offsets,
                                      std::size_t tokens, Pace& pace) {
  const std::vector<std::size_t> starts = token_starts(text, offsets, pace);
  BlankFinder blanks(text, pace);
  std::vector<ByteSpan> chunks;
  std::size_t begin = 0;
  for (std::size_t i = 0; i < starts.size() && starts.size() - i > tokens;) {
    i = end_of_chunk(text, starts, i, tokens, pace);
    if (i == starts.size() || blanks.is_blank(begin, starts[i])) continue;
    chunks.push_back({begin, starts[i]});
    begin = starts[i];
  }
  if (!blanks.is_blank(begin, text.size())) {
    chunks.push_back({begin, text.size()});
  } else if (!chunks.empty()) {
    chunks.back().end = text.size();
  }
  return chunks;
}

std::vector<ByteSpan> merge_without_tokens(std::span<const ByteSpan> chunks,
                                           const ChunkTokens& tokens, Pace& pace) {
  std::vector<ByteSpan> merged;
  std::size_t begin = chunks.front().begin;
  std::size_t token = 0;
  const auto pass = [&](std::size_t end) {
    const std::size_t first = token;
    for (; token < tokens.offsets.size() && tokens.offsets[token].second <= end; ++token) {
      pace.spend();
    }
    return token > first;
  };
  pass(tokens.begin);
  for (std::size_t i = 0; i < chunks.size(); ++i) {
    if (pass(tokens.ends[i])) {
      merged.push_back({begin, chunks[i].end});
    } else if (!merged.empty()) {
      merged.back().end = chunks[i].end;
    } else {
      continue;  // the first chunk with a token begins where this one did
    }
    begin = chunks[i].end;
  }
  if (merged.empty()) merged.push_back({begin, chunks.back().end});
  return merged;
}

ByteSpan trim(std::string_view text, ByteSpan span, Pace& pace) {
  while (span.begin < span.end) {
    pace.spend();
    const DecodedCodePoint first = decode_utf8(text.substr(span.begin));
    if (!is_white_space(first.code_point)) break;
    span.begin += first.length;
  }
  while (span.begin < span.end) {
    pace.spend();
    std::size_t last = span.end - 1;
    while (last > span.begin && (static_cast<unsigned char>(text[last]) & 0xC0) == 0x80) --last;
    if (!is_white_space(decode_utf8(text.substr(last)).code_point)) break;
    span.end = last;
  }
  return span;
}

std::size_t CodePointCounter::at(std::size_t byte_offset) {
  const std::string_view passed = text_.substr(byte_, byte_offset - byte_);
  count_ += static_cast<std::size_t>(std::count_if(passed.begin(), passed.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
  byte_ = byte_offset;
  return count_;
}

}  // namespace nestvec
