// SPDX-License-Identifier: Apache-2.0
// What a file is by its first bytes.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace nestvec {

// Encodings that a source undoes, one after another.
enum class Coding { kNone, kGzip, kZstd, kUtf16Little, kUtf16Big };

// As many bytes as find_coding looks at.
inline constexpr std::size_t kCodingBytes = 4;
Coding find_coding(std::string_view head);

// A kind of file whose bytes are no text, and what to do with one.
struct ForeignKind {
  std::string_view name;    // "Parquet"
  std::string_view remedy;  // "embed it with python -m nestvec.parquet"
};
// Nothing for bytes that begin like none of those that are known.
std::optional<ForeignKind> find_foreign(std::string_view head);

// Looks at the start of what should be UTF-8. Throws Error kInvalidArgument, naming `name`, the
// place and the remedy: for a foreign kind, a NUL byte, or more than a few bytes that are not
// UTF-8.
void check_text(std::string_view head, const std::string& name);

}  // namespace nestvec
