// SPDX-License-Identifier: Apache-2.0
// "Did you mean": what a mistyped word is likely to stand for.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace nestvec {

// Levenshtein distance in bytes.
std::size_t edit_distance(std::string_view a, std::string_view b);

// The word of `known` that is nearest to `unknown`, whatever the case of letters; empty where none
// is near. Words longer than 64 bytes are near to none.
std::string nearest_word(std::string_view unknown, const std::vector<std::string>& known);

// The end of an error message about `unknown`: "; did you mean "threads"?", or where no word is
// near "; expected one of threads, precision".
std::string suggestion(std::string_view unknown, const std::vector<std::string>& known);

}  // namespace nestvec
