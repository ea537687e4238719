// SPDX-License-Identifier: Apache-2.0
#include "config/model_locks.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "support/checkpoint.h"

namespace nestvec {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  for (const ModelLeftover& leftover : model_leftovers(folder.string())) {
    names.push_back(fs::path(leftover.path).filename().string());
  }
  return names;
}

void grow_older(const fs::path& path, std::chrono::minutes age) {
  fs::last_write_time(path, fs::file_time_type::clock::now() - age);
}

TEST(ModelLocks, AFileIsHeldWhileSomebodyHasIt) {
  const TemporaryFolder folder;
  const std::string file = (folder / "model.onnx").string();
  write_text(file, "graph");
  EXPECT_FALSE(is_model_file_held(file));
  {
    const FileDescriptor first = hold_model_file(file);
    EXPECT_TRUE(is_model_file_held(file));
    EXPECT_TRUE(hold_model_file(file).valid()) << "several may hold it";
    EXPECT_TRUE(is_model_file_held(file)) << "the first still has it";
  }
  EXPECT_FALSE(is_model_file_held(file));
  EXPECT_FALSE(hold_model_file((folder / "none").string()).valid());
  EXPECT_FALSE(is_model_file_held((folder / "none").string()));
}

TEST(ModelLocks, LeftoversAreKnownByTheirNames) {
  const TemporaryFolder folder;
  for (const char* name :
       {".small.half-made-aB3xYz", ".small.removed-4711", "small", ".small", ".removed-",
        ".x.removed-12a", ".small.half-made-aB3x_z", ".small.half-made-", "small.half-made-aB3xYz",
        ".hidden-models/.small.half-made-aB3xYz"}) {
    write_text(folder / name / "config.json", "{}");
  }
  write_text(folder / ".a.half-made-abcdef", "");
  fs::create_directory_symlink(folder / "small", folder / ".linked.half-made-abcdef");
  const std::vector<std::string> expected = {".small.half-made-aB3xYz", ".small.removed-4711"};
  EXPECT_EQ(names_in(folder / ""), expected);
  EXPECT_EQ(model_leftovers((folder / "").string()).front().bytes, 2u);
  EXPECT_TRUE(model_leftovers((folder / "none").string()).empty());
}

TEST(ModelLocks, WhatNobodyMakesOrRemovesGoes) {
  const TemporaryFolder folder;
  const fs::path made = folder / ".small.half-made-aB3xYz";
  const fs::path removed = folder / ".small.removed-4711";
  for (const fs::path& path : {made, removed}) write_text(path / "config.json", "{}");
  const auto remove_all = [&] {
    std::size_t count = 0;
    for (const ModelLeftover& leftover : model_leftovers((folder / "").string())) {
      EXPECT_EQ(remove_leftover(leftover), !is_in_use(leftover)) << leftover.path;
      count += fs::exists(leftover.path) ? 0u : 1u;
    }
    return count;
  };
  {
    const FileDescriptor first = lock_model_folder(made.string());
    const FileDescriptor second = lock_model_folder(removed.string());
    EXPECT_FALSE(lock_model_folder(removed.string()).valid());
    grow_older(made, std::chrono::minutes(61));
    EXPECT_EQ(remove_all(), 0u);
  }
  grow_older(made, std::chrono::minutes(50));
  EXPECT_EQ(remove_all(), 1u) << "one that is made may have no lock yet";
  EXPECT_TRUE(fs::exists(made));
  grow_older(made, std::chrono::minutes(61));
  EXPECT_EQ(remove_all(), 1u);
  EXPECT_FALSE(fs::exists(made));
}

TEST(ModelLocks, TheLockStaysWithARenamedFolderAndLinksHaveNone) {
  const TemporaryFolder folder;
  write_text(folder / "small/config.json", "{}");
  const FileDescriptor lock = lock_model_folder((folder / "small").string());
  fs::rename(folder / "small", folder / ".small.removed-1");
  EXPECT_TRUE(is_in_use(model_leftovers((folder / "").string()).front()));
  fs::create_directory_symlink(folder / ".small.removed-1", folder / "linked");
  EXPECT_FALSE(lock_model_folder((folder / "linked").string()).valid());
}

}  // namespace
}  // namespace nestvec
