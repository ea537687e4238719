// SPDX-License-Identifier: Apache-2.0
// Rows that wait for the model, and the choice of those that share its next run.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/pack_window.h"
#include "bulk/row_source.h"

namespace nestvec {

// How many tokens a text has, guessed from its bytes and from the texts before it.
class TokenGuess {
 public:
  // Texts are cut to `max_tokens`.
  explicit TokenGuess(std::size_t max_tokens) : max_tokens_(max_tokens) {}

  std::size_t tokens(std::size_t bytes) const { return std::min(max_tokens_, uncut(1, bytes)); }
  // Of several texts together, nothing cut.
  std::size_t uncut(std::size_t texts, std::size_t bytes) const;
  void learn(std::size_t bytes, std::size_t tokens);

 private:
  // Of a text: its special tokens, a short prompt.
  static constexpr std::size_t kFrame = 2;

  std::size_t max_tokens_;
  double bytes_ = 4;  // so that the first guess is English prose
  double tokens_ = 1;
};

// Rows leave nearly as they came, so a run that is stopped has few results without those before
// them. Not thread-safe.
class RowWindow {
 public:
  bool empty() const noexcept { return rows_.empty(); }
  std::size_t size() const noexcept { return rows_.size(); }
  std::size_t text_bytes() const noexcept { return text_bytes_; }

  void push(SourceRow row);
  // Rows of a batch that did not run; they come before all others.
  void put_back(std::vector<SourceRow> rows);

  // The oldest row, and then each that fits in what is left of `tokens`, in their order.
  std::vector<SourceRow> take(std::size_t tokens, const TokenGuess& guess);
  // Of all that wait, nothing cut.
  std::size_t about_tokens(const TokenGuess& guess) const;

 private:
  PackWindow<SourceRow> rows_;
  std::size_t text_bytes_ = 0;
};

}  // namespace nestvec
