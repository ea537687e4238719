// SPDX-License-Identifier: Apache-2.0
// Files that the build writes into the program (cmake/Embed.cmake).
#pragma once

#include <span>
#include <string_view>

namespace nestvec {

// Both live as long as the program.
struct EmbeddedFile {
  std::string_view name;  // "index.html"
  std::string_view body;
};

}  // namespace nestvec
