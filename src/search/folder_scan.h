// SPDX-License-Identifier: Apache-2.0
// The files of a folder that may hold text.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace nestvec {

struct FoundFile {
  std::string path;  // below the folder
  std::uint64_t bytes = 0;
  std::int64_t modified = 0;  // nanoseconds since 1970
};

struct ScanRules {
  std::uint64_t max_file_bytes = 0;
  std::vector<std::string> globs;  // of names, as a shell matches them; none = all
};

struct FolderScan {
  std::vector<FoundFile> files;      // ascending by path
  std::vector<FoundFile> unwanted;   // files that the rules leave out, ascending by path
  std::vector<std::string> skipped;  // "a/b.log has 20971520 bytes, over 16777216", escaped
};

// Regular files below `folder`, at any depth. Names that begin with a dot are left out, and
// symbolic links, which may lead out of the folder or in a circle. What cannot be read is in
// `skipped`. `look` is called for each entry and may throw. Blocks. Throws Error as file_error
// where `folder` is none.
FolderScan scan_folder(const std::string& folder, const ScanRules& rules,
                       const std::function<void()>& look);

}  // namespace nestvec
