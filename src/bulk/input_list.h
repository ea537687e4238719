// SPDX-License-Identifier: Apache-2.0
// The files that a bulk run reads.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace nestvec {

inline constexpr std::string_view kStandardInput = "-";

// An input as it stood when the run began.
struct InputFacts {
  std::string path;           // kStandardInput, or as the caller wrote it
  std::uint64_t bytes = 0;    // 0 for what is no regular file
  std::int64_t modified = 0;  // nanoseconds since 1970; 0 likewise
  bool operator==(const InputFacts&) const = default;
};

// The files behind paths and glob patterns ("data/*.jsonl"), each pattern's in the order of their
// bytes. A pattern that is the name of a file is that file. Throws Error: kNotFound (no such file,
// nothing matches), kInvalidArgument (a folder, standard input twice), kPermissionDenied.
std::vector<InputFacts> find_inputs(const std::vector<std::string>& patterns);

// Throws Error kInvalidArgument where the two are one file, which its results would replace.
void refuse_input(const std::string& output, const std::string& input);

// For messages: the path, or "standard input".
std::string input_name(const std::string& path);

}  // namespace nestvec
