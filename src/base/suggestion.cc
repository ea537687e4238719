// SPDX-License-Identifier: Apache-2.0
#include "base/suggestion.h"

#include <algorithm>
#include <cstddef>
#include <numeric>

namespace nestvec {
namespace {

constexpr std::size_t kLongestWord = 64;

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

// A word that was left unfinished is as near as one with a single wrong letter.
std::size_t distance(std::string_view unknown, std::string_view known) {
  constexpr std::size_t kTelling = 3;
  const std::size_t edits = edit_distance(unknown, known);
  const bool unfinished = unknown.size() >= kTelling && known.starts_with(unknown);
  return unfinished ? std::min<std::size_t>(edits, 1) : edits;
}

}  // namespace

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (const char c : a) {
    std::size_t diagonal = row[0]++;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t substitute = diagonal + (c == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({substitute, row[j] + 1, diagonal + 1});
    }
  }
  return row.back();
}

std::string nearest_word(std::string_view unknown, const std::vector<std::string>& known) {
  std::string nearest;
  if (unknown.size() > kLongestWord) return nearest;
  const std::string word = lower(unknown);
  std::size_t least = std::max<std::size_t>(2, word.size() / 3) + 1;
  for (const std::string& candidate : known) {
    const std::size_t found = distance(word, lower(candidate));
    // A word of which no letter is right is another word.
    if (found >= least || found >= std::max(word.size(), candidate.size())) continue;
    least = found;
    nearest = candidate;
  }
  return nearest;
}

std::string suggestion(std::string_view unknown, const std::vector<std::string>& known) {
  const std::string nearest = nearest_word(unknown, known);
  if (!nearest.empty()) return "; did you mean \"" + nearest + "\"?";
  std::string list;
  for (const std::string& word : known) list += (list.empty() ? "" : ", ") + word;
  return "; expected one of " + list;
}

}  // namespace nestvec
