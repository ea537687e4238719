// SPDX-License-Identifier: Apache-2.0
// Reads test data: files packed with xz.
#pragma once

#include <cstdio>
#include <stdexcept>
#include <string>

namespace nestvec {

// The unpacked bytes of a .xz file, through the program xz.
inline std::string read_xz(const std::string& path) {
  std::FILE* const pipe = ::popen(("xz -dc '" + path + "'").c_str(), "r");
  if (pipe == nullptr) throw std::runtime_error("cannot run xz");
  std::string text;
  std::string block(1 << 16, '\0');
  for (std::size_t count = 0; (count = std::fread(block.data(), 1, block.size(), pipe)) > 0;) {
    text.append(block, 0, count);
  }
  if (::pclose(pipe) != 0) throw std::runtime_error("cannot unpack " + path);
  return text;
}

}  // namespace nestvec
