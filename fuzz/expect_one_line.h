// SPDX-License-Identifier: Apache-2.0
// What the targets ask of the messages that they get; anything else ends the program.
#pragma once

#include <cstdlib>
#include <string_view>

#include "base/utf8.h"

// One line, whatever bytes it quotes.
inline void expect_one_line(std::string_view message) {
  for (const char c : message) {
    if (static_cast<unsigned char>(c) < 0x20) std::abort();
  }
}

// The same, and UTF-8: of parsers that repair what they quote.
inline void expect_one_line_of_utf8(std::string_view message) {
  expect_one_line(message);
  if (!nestvec::is_valid_utf8(message)) std::abort();
}
