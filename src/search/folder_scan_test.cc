// SPDX-License-Identifier: Apache-2.0
// Which files of a folder are found.
#include "search/folder_scan.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <vector>

#include "support/checkpoint.h"
#include "support/error_of.h"

namespace nestvec {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> paths_of(const FolderScan& scan) {
  std::vector<std::string> paths;
  for (const FoundFile& file : scan.files) paths.push_back(file.path);
  return paths;
}

FolderScan scan(const std::string& folder, const ScanRules& rules) {
  return scan_folder(folder, rules, [] {});
}

TEST(FolderScan, FindsFilesAtAnyDepthInOrder) {
  const TemporaryFolder folder;
  const fs::path root = folder.string();
  write_text(root / "b.txt", "12345");
  write_text(root / "a/deep/c.md", "1");
  write_text(root / "a/x.md", "12");
  const FolderScan found = scan(folder.string(), {100, {}});
  EXPECT_EQ(paths_of(found), (std::vector<std::string>{"a/deep/c.md", "a/x.md", "b.txt"}));
  EXPECT_EQ(found.files[2].bytes, 5U);
  EXPECT_GT(found.files[2].modified, 1'000'000'000'000'000'000);
  EXPECT_EQ(paths_of(scan(folder.string(), {100, {"*.md", "q*"}})),
            (std::vector<std::string>{"a/deep/c.md", "a/x.md"}));
  const FolderScan narrow = scan(folder.string(), {1, {"*.md"}});
  ASSERT_EQ(narrow.unwanted.size(), 2U);
  EXPECT_EQ(narrow.unwanted[0].path, "a/x.md");
  EXPECT_EQ(narrow.unwanted[1].path, "b.txt");
  EXPECT_EQ(narrow.unwanted[1].bytes, 5U);
}

TEST(FolderScan, LeavesOutHiddenFilesLinksAndWhatIsNoFile) {
  const TemporaryFolder folder;
  const TemporaryFolder outside;
  const fs::path root = folder.string();
  write_text(root / "a.md", "1");
  write_text(root / ".hidden.md", "1");
  write_text(root / ".git/config.md", "1");
  write_text(fs::path(outside.string()) / "secret.md", "1");
  fs::create_symlink(fs::path(outside.string()) / "secret.md", root / "link.md");
  fs::create_directory_symlink(outside.string(), root / "linked");
  fs::create_directory_symlink(".", root / "circle");
  ASSERT_EQ(::mkfifo((root / "pipe.md").c_str(), 0600), 0);
  const FolderScan found = scan(folder.string(), {100, {}});
  EXPECT_EQ(paths_of(found), std::vector<std::string>{"a.md"});
  EXPECT_TRUE(found.skipped.empty());
}

TEST(FolderScan, NamesWhatIsTooLargeOrCannotBeRead) {
  const TemporaryFolder folder;
  const fs::path root = folder.string();
  write_text(root / "large\n\x1b[31m.md", std::string(101, 'x'));
  write_text(root / "fits.md", std::string(100, 'x'));
  const FolderScan found = scan(folder.string(), {100, {}});
  EXPECT_EQ(paths_of(found), std::vector<std::string>{"fits.md"});
  ASSERT_EQ(found.skipped.size(), 1U);
  EXPECT_EQ(found.skipped[0], "large\\x0a\\x1b[31m.md has 101 bytes, over 100 (--max-file-size)");
  EXPECT_NE(error_of([&] { scan(folder.string() + "/none", {100, {}}); }, ErrorCode::kNotFound),
            "");
}

}  // namespace
}  // namespace nestvec
