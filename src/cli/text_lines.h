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
// object, or of each object of one array. What is compressed, UTF-16 or begins with a byte order
// mark is read as files of bulk runs are (bulk/byte_source.h). Throws Error: kInvalidArgument,
// naming the line, or for what is no text or looks like JSON; kDataLoss for broken compression.
struct TextInput {
  std::string name;  // for errors
  bool json_lines = false;
  bool force_text = true;  // whatever the first bytes look like
};
void for_each_text(std::istream& in, const TextInput& input,
                   const std::function<void(std::string& text)>& use);

}  // namespace nestvec
