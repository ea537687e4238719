// SPDX-License-Identifier: Apache-2.0
#include "base/lfs_pointer.h"

#include <gtest/gtest.h>

#include "nestvec/error.h"

namespace nestvec {
namespace {

TEST(LfsPointer, IsNamedWithTheWayOut) {
  const std::string pointer =
      "version https://git-lfs.github.com/spec/v1\noid sha256:" + std::string(64, 'a') +
      "\nsize 438011408\n";
  try {
    check_no_lfs_pointer(pointer, "dir/model.safetensors");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kDataLoss);
    EXPECT_NE(std::string(error.what()).find("dir/model.safetensors: is a git-lfs pointer"),
              std::string::npos);
    EXPECT_NE(std::string(error.what()).find("git lfs pull"), std::string::npos);
  }
}

TEST(LfsPointer, OtherContentPasses) {
  check_no_lfs_pointer("", "a");
  check_no_lfs_pointer("{\"version\": \"https://git-lfs.github.com/spec/v1\"}", "a");
  check_no_lfs_pointer("version https://git-lfs.github.com/spec/v1" + std::string(2000, ' '), "a");
}

}  // namespace
}  // namespace nestvec
