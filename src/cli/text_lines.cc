// SPDX-License-Identifier: Apache-2.0
#include "cli/text_lines.h"

#include <string_view>

#include "base/json.h"

namespace nestvec {

void for_each_line(std::istream& in, const std::string& source,
                   const std::function<void(std::string& line, const std::string& name)>& use) {
  std::string line;
  std::string name;
  for (std::size_t number = 1; std::getline(in, line); ++number) {
    if (line.ends_with('\r')) line.pop_back();
    name.assign("line ").append(std::to_string(number)).append(" of ").append(source);
    use(line, name);
  }
}

namespace {
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
}  // namespace

void for_each_text(std::istream& in, const std::string& source, bool json_lines,
                   const std::function<void(std::string& text)>& use) {
  bool first = true;
  for_each_line(in, source, [&](std::string& line, const std::string& name) {
    if (json_lines) {
      if (first && line.starts_with(kByteOrderMark)) line.erase(0, kByteOrderMark.size());
      first = false;
      if (line.find_first_not_of(" \t") == std::string::npos) return;
      const JsonDocument document = JsonDocument::parse(line, name);
      line = document.root().at("text").string();
    }
    use(line);
  });
}

}  // namespace nestvec
