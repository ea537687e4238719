// SPDX-License-Identifier: Apache-2.0
// Texts from a stream, one a line.
#pragma once

#include <cstdint>
#include <functional>
#include <istream>
#include <string>

#include "bulk/row_reader.h"

namespace nestvec {

// Calls use(line, name) for each line of `in` without its line end ("\n" or "\r\n"); `name` is
// "line 3 of SOURCE", for errors. The string may be changed; its memory is reused.
void for_each_line(std::istream& in, const std::string& source,
                   const std::function<void(std::string& line, const std::string& name)>& use);

// Calls use(text, line) for each text: lines as they are, the "text" of JSON objects, or a column
// of CSV; `line` is where the text begins, from 1. What is compressed, UTF-16 or begins with a byte
// order mark is read as files of bulk runs are (bulk/byte_source.h). Throws Error:
// kInvalidArgument, naming the line, or for what is no text or looks like JSON; kDataLoss for
// broken compression.
struct TextInput {
  std::string name;  // for errors
  RowFormat format = RowFormat::kLines;
  bool force_text = true;  // whatever the first bytes look like
  std::string field = RowRules{}.text;
  char delimiter = '\0';  // of columns; as in RowRules
};
void for_each_text(std::istream& in, const TextInput& input,
                   const std::function<void(std::string& text, std::uint64_t line)>& use);

}  // namespace nestvec
