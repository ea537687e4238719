// SPDX-License-Identifier: Apache-2.0
// The header of NumPy's .npy files, version 1.0
// (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "output/embedding_format.h"

namespace nestvec {

// What an array holds: [rows, columns], or [rows] without `columns`.
struct NpyType {
  std::string_view descr;  // "<f4"
  std::size_t value_bytes = 0;
  std::optional<std::size_t> columns;

  std::size_t row_bytes() const { return value_bytes * columns.value_or(1); }
};

// Of rows in a form that has a dtype.
NpyType npy_type(EmbeddingFormat format, std::size_t dimensions);

// As long for any number of rows, so that it can be written anew when they are known.
inline constexpr std::size_t kNpyHeaderBytes = 128;

std::string npy_header(const NpyType& type, std::uint64_t rows);

}  // namespace nestvec
