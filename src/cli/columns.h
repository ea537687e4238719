// SPDX-License-Identifier: Apache-2.0
// Text in columns of a terminal.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace nestvec {

// Columns that a code point takes: 0 for combining and invisible ones, 2 for East Asian wide ones
// and emoji, else 1. The blocks of Unicode 15 where that matters, not every code point's property.
std::size_t columns_of(char32_t code_point);

// `text` on one line, cut (ending in "...") or filled with spaces to exactly `columns`. Control
// characters become spaces, ill-formed UTF-8 is repaired. Precondition: columns >= 3.
std::string fit(std::string_view text, std::size_t columns);

}  // namespace nestvec
