// SPDX-License-Identifier: Apache-2.0
#include "cli/text_notes.h"

#include <ostream>

#include "base/utf8.h"

namespace nestvec {

void TextNotes::add(std::string_view text) {
  ++count_;
  if (!is_valid_utf8(text)) ++repaired_;
}

void TextNotes::add_truncated(std::size_t index) {
  constexpr std::size_t kNamed = 8;
  if (truncated_ < kNamed) {
    named_ += (named_.empty() ? "" : ", ") + std::to_string(index);
  } else if (truncated_ == kNamed) {
    named_ += ", ...";
  }
  ++truncated_;
}

// "2 of 10 documents".
std::string TextNotes::of_all(std::size_t some) const {
  std::string out = std::to_string(some) + " of " + std::to_string(count_) + " ";
  return out.append(one_).append(count_ == 1 ? "" : "s");
}

void TextNotes::print(std::string_view limit, std::ostream& err) const {
  if (repaired_ > 0) {
    err << "nestvec: note: " << of_all(repaired_)
        << " had bytes that are not UTF-8, which became U+FFFD\n";
  }
  if (truncated_ > 0) {
    err << "nestvec: note: " << of_all(truncated_) << " had more than " << limit
        << " and lost some (index " << named_ << ")\n";
  }
}

}  // namespace nestvec
