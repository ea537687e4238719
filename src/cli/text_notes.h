// SPDX-License-Identifier: Apache-2.0
// What a command says of its texts in the end: of bytes that were repaired, and of lost tokens.
#pragma once

#include <cstddef>
#include <iosfwd>
#include <string>
#include <string_view>

namespace nestvec {

class TextNotes {
 public:
  // `one` is what a text is here: "text", "document".
  explicit TextNotes(std::string_view one) : one_(one) {}

  // Counts a text, and whether it has bytes that are not UTF-8.
  void add(std::string_view text);
  // The text `index`, from 0, has lost tokens.
  void add_truncated(std::size_t index);

  std::size_t count() const noexcept { return count_; }
  // A line for each thing that happened. `limit` is what some texts were over: "512 tokens".
  void print(std::string_view limit, std::ostream& err) const;

 private:
  std::string of_all(std::size_t some) const;

  std::string_view one_;
  std::size_t count_ = 0;
  std::size_t repaired_ = 0;
  std::size_t truncated_ = 0;
  std::string named_;  // the first of the truncated ones
};

}  // namespace nestvec
