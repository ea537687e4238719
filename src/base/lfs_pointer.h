// SPDX-License-Identifier: Apache-2.0
// What `git clone` leaves in the place of a large file where Git LFS is not installed
// (https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md).
#pragma once

#include <string>
#include <string_view>

namespace nestvec {

// Throws Error kDataLoss with the way to get the file when `content`, of the file at `path`, is a
// pointer of Git LFS.
void check_no_lfs_pointer(std::string_view content, const std::string& path);

}  // namespace nestvec
