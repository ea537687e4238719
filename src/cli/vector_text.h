// SPDX-License-Identifier: Apache-2.0
// Vectors and numbers for a person to read.
#pragma once

#include <span>
#include <string>

namespace nestvec {

// printf of one double; `pattern` is a constant of the caller.
std::string number_text(const char* pattern, double value);

// The dot product of two vectors of one width, in double precision.
double dot(std::span<const float> a, std::span<const float> b);

// "[ +0.0548 +0.1218 -0.1694 ... ]  norm 1.0000".
std::string vector_text(std::span<const float> row);

}  // namespace nestvec
