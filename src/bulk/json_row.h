// SPDX-License-Identifier: Apache-2.0
// One row of JSON: its text, its id and its task.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "bulk/row_reader.h"

namespace nestvec {

// Fills `row` from an object, or from a string where the rules want nothing but the text. Throws
// Error kInvalidArgument for what is no such row, kDataLoss for what is no JSON.
void read_json_row(std::string_view json, const RowRules& rules, RowFields& row);

// A string as the id of a row.
std::string json_id_of(std::string_view text);

// Whether the first line of a file is a row of JSON, or opens one or an array of them over several
// lines. Of a longer line so many bytes are enough.
inline constexpr std::size_t kJsonRowHead = std::size_t{1} << 16;
bool is_json_row(std::string_view line);

}  // namespace nestvec
