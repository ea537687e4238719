// SPDX-License-Identifier: Apache-2.0
#include "bulk/row_window.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace nestvec {

std::size_t TokenGuess::uncut(std::size_t texts, std::size_t bytes) const {
  const double guess = std::ceil(static_cast<double>(bytes) * tokens_ / bytes_);
  return kFrame * texts + static_cast<std::size_t>(guess);
}

void TokenGuess::learn(std::size_t bytes, std::size_t tokens) {
  // Cut texts would teach that texts are short.
  if (tokens >= max_tokens_ || tokens <= kFrame) return;
  constexpr double kMemory = 1 << 20;  // bytes; what is older counts less and less
  const double kept = kMemory / (kMemory + static_cast<double>(bytes));
  bytes_ = (bytes_ + static_cast<double>(bytes)) * kept;
  tokens_ = (tokens_ + static_cast<double>(tokens - kFrame)) * kept;
}

void RowWindow::push(SourceRow row) {
  text_bytes_ += row.fields.text.size();
  rows_.push(std::move(row));
}

void RowWindow::put_back(std::vector<SourceRow> rows) {
  for (const SourceRow& row : rows) text_bytes_ += row.fields.text.size();
  rows_.put_back(std::move(rows));
}

std::vector<SourceRow> RowWindow::take(std::size_t tokens, const TokenGuess& guess) {
  std::vector<SourceRow> batch = rows_.take(
      tokens, [&](const SourceRow& row) { return guess.tokens(row.fields.text.size()); });
  for (const SourceRow& row : batch) text_bytes_ -= row.fields.text.size();
  return batch;
}

std::size_t RowWindow::about_tokens(const TokenGuess& guess) const {
  return guess.uncut(rows_.size(), text_bytes_);
}

}  // namespace nestvec
