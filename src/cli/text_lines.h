// SPDX-License-Identifier: Apache-2.0
// Texts from a stream, one a line.
#pragma once

#include <functional>
#include <istream>
#include <string>

namespace nestvec {

// Calls use(line, name) for each line of `in` without its line end ("\n" or "\r\n"); `name` is
// "line 3 of SOURCE", for errors. The string may be changed; its memory is reused.
void for_each_line(std::istream& in, const std::string& source,
                   const std::function<void(std::string& line, const std::string& name)>& use);

// The same for texts: lines as they are, or with `json_lines` the "text" of each line's JSON
// object, blank lines and a byte order mark at the start left out. Throws Error: kInvalidArgument,
// naming the line.
void for_each_text(std::istream& in, const std::string& source, bool json_lines,
                   const std::function<void(std::string& text)>& use);

}  // namespace nestvec
