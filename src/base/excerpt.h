// SPDX-License-Identifier: Apache-2.0
// Foreign text inside a message.
#pragma once

#include <string>
#include <string_view>

namespace nestvec {

// The first bytes of `text` (60, and "..." for what is left out), on one line and in valid UTF-8.
std::string excerpt(std::string_view text);

// A whole message that holds foreign text, on one line and in valid UTF-8; of one over 1,000 bytes
// the middle is left out.
std::string one_line(std::string message);

}  // namespace nestvec
