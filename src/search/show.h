// SPDX-License-Identifier: Apache-2.0
// Names and texts of a folder, for a person to read.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "base/pace.h"
#include "search/words.h"

namespace nestvec {

// A path that no terminal acts on: controls, marks of direction and bytes that are not UTF-8 become
// "\x1b", and a backslash is doubled.
std::string escape_path(std::string_view path);

// About `bytes` bytes of a text around the first of the words, on one line, with "..." for what is
// left out at either end; its start where it has none of them. Controls and white space become
// single spaces. Precondition: `text` is valid UTF-8.
std::string excerpt_around(std::string_view text, std::span<const WordCount> words,
                           std::size_t bytes, Pace& pace);

}  // namespace nestvec
