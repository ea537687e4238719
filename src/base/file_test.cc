// SPDX-License-Identifier: Apache-2.0
#include "base/file.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <optional>

#include "base/mapped_file.h"

namespace nestvec {
namespace {

namespace fs = std::filesystem;

class FileTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ =
        fs::temp_directory_path() / ("nestvec_file_test_" + std::to_string(::getpid()) + "_" +
                                     testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::size_t files() const {
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator(folder_), fs::directory_iterator()));
  }

  fs::path folder_;
};

TEST_F(FileTest, CommitMakesTheWholeFileAppear) {
  const std::string path = (folder_ / "a").string();
  AtomicFile file(path);
  file.write("one ");
  file.write("two");
  EXPECT_FALSE(fs::exists(path));
  EXPECT_EQ(file.written(), 7u);
  file.commit();
  EXPECT_EQ(read_file(path, 100), "one two");
  EXPECT_EQ(files(), 1u);
}

TEST_F(FileTest, LinksAreFollowedToTheirEnd) {
  fs::create_directories(folder_ / "far");
  fs::create_symlink("far/next", folder_ / "first");
  fs::create_symlink(folder_ / "absent", folder_ / "far/next");
  EXPECT_EQ(follow_links((folder_ / "first").string()), (folder_ / "absent").string());
  EXPECT_EQ(follow_links("plain"), "plain");
  fs::create_symlink("circle", folder_ / "circle");
  EXPECT_THROW(follow_links((folder_ / "circle").string()), Error);
}

TEST_F(FileTest, WithoutCommitNothingStays) {
  {
    AtomicFile file((folder_ / "a").string());
    file.write("half");
  }
  EXPECT_EQ(files(), 0u);
}

TEST_F(FileTest, AFullDiskIsAnErrorAndLeavesNothing) {
  // A file size limit fails a write as a full disk does.
  rlimit old{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &old), 0);
  const rlimit small{4096, old.rlim_max};
  std::signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  std::optional<ErrorCode> code;
  try {
    AtomicFile file((folder_ / "a").string());
    file.write(std::string(10000, 'x'));
    file.commit();
  } catch (const Error& error) {
    code = error.code();
  }
  setrlimit(RLIMIT_FSIZE, &old);
  EXPECT_EQ(code, ErrorCode::kResourceExhausted);
  EXPECT_EQ(files(), 0u);
}

TEST_F(FileTest, ErrorsNamePathAndReason) {
  const std::string path = (folder_ / "absent").string();
  try {
    MappedFile file(path);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kNotFound);
    EXPECT_EQ(std::string(error.what()), "cannot open " + path + ": No such file or directory");
  }
  try {
    MappedFile file(std::string(100'000, 'a'));
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kNotFound);
    EXPECT_EQ(std::string(error.what()),
              "cannot open " + std::string(60, 'a') + "...: File name too long");
  }
  EXPECT_THROW(MappedFile(folder_.string()), Error);
  const std::string pipe = (folder_ / "pipe").string();
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_THROW(MappedFile{pipe}, Error) << "without waiting for who writes into it";
}

TEST_F(FileTest, ReadsUpToTheLimitAndEmptyFiles) {
  const std::string path = (folder_ / "a").string();
  AtomicFile(path).commit();
  EXPECT_EQ(read_file(path, 0), "");
  AtomicFile file(path);
  file.write("abc");
  file.commit();
  EXPECT_EQ(MappedFile(path).text(), "abc");
  EXPECT_THROW(read_file(path, 2), Error);
}

}  // namespace
}  // namespace nestvec
