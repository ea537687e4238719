// SPDX-License-Identifier: Apache-2.0
// The folder of an index: made once, held by one.
#include "search/index_folder.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <string>

#include "support/checkpoint.h"
#include "support/error_of.h"

namespace nestvec {
namespace {

namespace fs = std::filesystem;

TEST(IndexFolder, IsMadeAndKeptOutOfGit) {
  const TemporaryFolder folder;
  const std::string path = folder.string() + "/index";
  for (int i = 0; i < 2; ++i) {
    const IndexFolder held(path, [] { FAIL(); });
    EXPECT_EQ(read_file(path + "/.gitignore", 10), "*\n");
    EXPECT_EQ(held.index_path(), path + "/index");
  }
}

TEST(IndexFolder, WaitsForWhoHoldsIt) {
  const TemporaryFolder folder;
  const std::string path = folder.string() + "/index";
  std::optional<IndexFolder> first;
  first.emplace(path, [] {});
  int waited = 0;
  const IndexFolder second(path, [&] {
    if (++waited == 3) first.reset();
  });
  EXPECT_EQ(waited, 3);
}

TEST(IndexFolder, FollowsNoLink) {
  const TemporaryFolder folder;
  const TemporaryFolder outside;
  const std::string path = folder.string() + "/index";
  fs::create_directory_symlink(outside.string(), path);
  const std::string error =
      error_of([&] { IndexFolder(path, [] {}); }, ErrorCode::kInvalidArgument);
  EXPECT_NE(error.find("is no folder"), std::string::npos);
  fs::remove(path);
  std::ofstream(path) << "a file";
  EXPECT_NE(error_of([&] { IndexFolder(path, [] {}); }, ErrorCode::kInvalidArgument), "");
  EXPECT_TRUE(fs::is_empty(outside.string()));
}

}  // namespace
}  // namespace nestvec
