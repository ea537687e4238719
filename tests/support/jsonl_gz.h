// SPDX-License-Identifier: Apache-2.0
// Reads test data: gzipped JSON lines.
#pragma once

#include <zlib.h>

#include <functional>
#include <stdexcept>
#include <string>

#include "base/json.h"

namespace nestvec {

// The unpacked bytes of a .gz file.
inline std::string read_gz(const std::string& path) {
  const gzFile file = gzopen(path.c_str(), "rb");
  if (file == nullptr) throw std::runtime_error("cannot open " + path);
  std::string text;
  std::string block(1 << 16, '\0');
  int count = 0;
  while ((count = gzread(file, block.data(), static_cast<unsigned>(block.size()))) > 0) {
    text.append(block, 0, static_cast<std::size_t>(count));
  }
  gzclose(file);
  if (count < 0) throw std::runtime_error("cannot unpack " + path);
  return text;
}

// Calls `use` with the root of each line; the document's name is "FILE:LINE".
inline void for_each_record(const std::string& path,
                            const std::function<void(const JsonValue&)>& use) {
  const std::string text = read_gz(path);
  std::size_t number = 0;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = text.find('\n', begin);
    const JsonDocument document = JsonDocument::parse(
        std::string_view(text).substr(begin, end - begin), path + ":" + std::to_string(++number));
    use(document.root());
    begin = end + 1;
  }
}

}  // namespace nestvec
