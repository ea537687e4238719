// SPDX-License-Identifier: Apache-2.0
// Characters by what they mean for the end of a sentence.
#pragma once

#include <string_view>

namespace nestvec {

bool is_line_break(char32_t c);
bool is_white_space(char32_t c);  // line breaks included

// White space, controls, marks of format: nothing that a tokenizer would surely keep.
bool is_invisible(char32_t c);

bool is_digit(char32_t c);              // ASCII and full-width
bool is_lower_case_letter(char32_t c);  // Latin, Greek, Cyrillic

// Ends a sentence where white space or the end of the text follows: . ! ? ... and their kin.
bool is_terminator(char32_t c);
// Ends one wherever it stands, as in scripts that write no spaces: full-width forms.
bool is_strong_terminator(char32_t c);
// A quote or bracket that belongs to the sentence before it when it follows its end directly.
bool is_closer(char32_t c);

// A word after which a full stop hardly ends a sentence ("Dr", "e.g", "J"), or does not where a
// number follows ("No", "Fig"). Without the full stop.
bool is_abbreviation(std::string_view word, bool before_number);

}  // namespace nestvec
