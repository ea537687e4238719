// SPDX-License-Identifier: Apache-2.0
// What becomes of the delimiters that a pre-tokenizer has found.
#pragma once

#include <cstddef>
#include <string_view>
#include <utility>
#include <vector>

#include "tokenizer/pre_tokenizer.h"

namespace nestvec {

// Makes pieces of the matches in a text and of what lies between them, which come in order.
class MatchSplitter {
 public:
  MatchSplitter(SplitBehavior behavior, std::vector<Piece>& pieces)
      : behavior_(behavior), pieces_(pieces) {}

  void add(std::size_t begin, std::size_t end, bool is_match) {
    if (begin == end) return;
    if (joins(is_match)) {
      last_.end = static_cast<std::uint32_t>(end);
    } else {
      finish();
      last_ = {static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(end)};
    }
    last_is_match_ = is_match;
  }

  // Behind the last one.
  void finish() {
    const bool removed = behavior_ == SplitBehavior::kRemoved && last_is_match_;
    if (last_.begin != last_.end && !removed) pieces_.push_back(last_);
    last_ = {0, 0};
  }

 private:
  // Whether what comes next belongs to the piece that came last.
  bool joins(bool is_match) const {
    if (last_.begin == last_.end) return false;
    switch (behavior_) {
      case SplitBehavior::kRemoved:
      case SplitBehavior::kIsolated:
        return false;
      case SplitBehavior::kMergedWithPrevious:
        return is_match && !last_is_match_;
      case SplitBehavior::kMergedWithNext:
        return !is_match && last_is_match_;
      case SplitBehavior::kContiguous:
        return is_match == last_is_match_;
    }
    return false;
  }

  SplitBehavior behavior_;
  std::vector<Piece>& pieces_;
  Piece last_{0, 0};  // empty: none yet
  bool last_is_match_ = false;
};

// Replaces each piece by what `cut(text, piece, out)` makes of it; the text stays.
template <typename Cut>
void cut_pieces(PieceBuffer& buffer, Cut cut) {
  buffer.next_pieces.clear();
  for (const Piece& piece : buffer.pieces) cut(buffer.text.bytes, piece, buffer.next_pieces);
  std::swap(buffer.pieces, buffer.next_pieces);
}

// Cuts `piece` where `find(from)` finds something, up to its end. `inverted`: what lies between
// two matches is the delimiter.
template <typename Find>
void split_piece(const Piece& piece, bool inverted, MatchSplitter splitter, Find find) {
  std::size_t done = piece.begin;
  for (auto match = find(done); match; match = find(done)) {
    splitter.add(done, match->begin, inverted);
    splitter.add(match->begin, match->end, !inverted);
    done = match->end;
  }
  splitter.add(done, piece.end, inverted);
  splitter.finish();
}

}  // namespace nestvec
