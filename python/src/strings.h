// SPDX-License-Identifier: Apache-2.0
// Python's str and the library's UTF-8.
#pragma once

#include <nanobind/nanobind.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace nestvec {

// The text of a str, or of a scalar of Apache Arrow; a lone surrogate becomes U+FFFD. Leaves no
// copy behind in the object, as Python's own conversion does. Throws nanobind::python_error:
// TypeError, in which `name` stands for the object.
std::string utf8_of(nanobind::handle object, const std::string& name);

// Ranges of bytes in valid UTF-8 to ranges of code points. Throws nothing; every end must lie on a
// code point or it counts the one that it divides as a whole.
std::vector<std::pair<std::size_t, std::size_t>> code_point_ranges(
    std::string_view text, const std::vector<std::pair<std::uint32_t, std::uint32_t>>& bytes);

}  // namespace nestvec
