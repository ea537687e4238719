// SPDX-License-Identifier: Apache-2.0
#include "server/key_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "nestvec/error.h"

namespace nestvec {
namespace {

TEST(KeyFile, IsNotForEveryUser) {
  const std::string path =
      std::filesystem::temp_directory_path() / ("nestvec-key-" + std::to_string(::getpid()));
  std::ofstream(path) << "key\n";
  for (const mode_t mode : {0600u, 0640u, 0660u, 0400u}) {
    ASSERT_EQ(::chmod(path.c_str(), mode), 0);
    EXPECT_EQ(check_key_file(path), "") << mode;
  }
  ASSERT_EQ(::chmod(path.c_str(), 0644), 0);
  EXPECT_NE(check_key_file(path).find(path + ": every user of this machine may read"),
            std::string::npos);
  for (const mode_t mode : {0602u, 0666u, 0622u}) {
    ASSERT_EQ(::chmod(path.c_str(), mode), 0);
    try {
      check_key_file(path);
      ADD_FAILURE() << mode;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kPermissionDenied);
      EXPECT_NE(std::string(error.what()).find(path), std::string::npos);
    }
  }
  std::filesystem::remove(path);
  EXPECT_EQ(check_key_file(path), "");
}

}  // namespace
}  // namespace nestvec
