// SPDX-License-Identifier: Apache-2.0
// Foreign text inside a message.
#pragma once

#include <string>
#include <string_view>

namespace nestvec {

// The first bytes of `text` (60, and "..." for what is left out), on one line and in valid UTF-8.
std::string excerpt(std::string_view text);

}  // namespace nestvec
