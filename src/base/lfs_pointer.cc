// SPDX-License-Identifier: Apache-2.0
#include "base/lfs_pointer.h"

#include "nestvec/error.h"

namespace nestvec {

void check_no_lfs_pointer(std::string_view content, const std::string& path) {
  constexpr std::size_t kLongest = 1024;  // of a pointer, by its specification
  if (content.size() >= kLongest || !content.starts_with("version https://git-lfs.github.com/")) {
    return;
  }
  throw Error(ErrorCode::kDataLoss,
              path +
                  ": is a git-lfs pointer, not the file itself; run `git lfs install` and `git "
                  "lfs pull` in the folder, or fetch the model with `nestvec pull`");
}

}  // namespace nestvec
