// SPDX-License-Identifier: Apache-2.0
// The alphabet of GPT-2: a printable character for each byte, so that a vocabulary of byte strings
// can be written as text.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace nestvec {

char32_t byte_to_character(std::uint8_t byte) noexcept;

// Appends the bytes that `text` writes; false (and `bytes` as it was) where it has a character of
// another alphabet. `text` is valid UTF-8.
bool append_bytes_of(std::string_view text, std::string& bytes);

}  // namespace nestvec
