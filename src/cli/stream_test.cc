// SPDX-License-Identifier: Apache-2.0
#include "cli/stream.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>

#include "base/file.h"
#include "cli/output_target.h"

namespace nestvec {
namespace {

namespace fs = std::filesystem;

class Folder {
 public:
  Folder() {
    std::string path = (fs::temp_directory_path() / "nestvec-stream-XXXXXX").string();
    if (::mkdtemp(path.data()) == nullptr) throw std::runtime_error("no temporary folder");
    path_ = path;
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { fs::remove_all(path_); }
  fs::path operator/(const std::string& name) const { return path_ / name; }
  std::size_t entries() const {
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator(path_), fs::directory_iterator()));
  }

 private:
  fs::path path_;
};

// The code of what the action throws; nothing when it succeeds.
std::optional<ErrorCode> code_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.code();
  }
  return std::nullopt;
}

TEST(OutputBuffer, PassesEverythingInOrder) {
  std::string seen;
  OutputBuffer buffer([&seen](std::string_view bytes) { seen += bytes; });
  std::ostream stream(&buffer);
  std::string expected;
  for (int i = 0; i < 50000; ++i) {
    stream << i << ' ';
    expected += std::to_string(i) + " ";
  }
  stream << std::string(200000, 'x');
  expected += std::string(200000, 'x');
  stream.flush();
  EXPECT_EQ(seen, expected);
}

TEST(OutputBuffer, AFailureReachesTheWriter) {
  FileDescriptor full(::open("/dev/full", O_WRONLY));
  OutputBuffer buffer([&full](std::string_view bytes) { write_all(full.get(), "output", bytes); });
  std::ostream stream(&buffer);
  stream.exceptions(std::ios::badbit);
  EXPECT_EQ(code_of([&] { stream << "text" << std::flush; }), ErrorCode::kResourceExhausted);
}

TEST(InputFile, ReadsAndReportsFailures) {
  const Folder folder;
  std::ofstream(folder / "texts") << std::string(100000, 'a') << "\nb";
  InputFile file((folder / "texts").string());
  std::string line;
  ASSERT_TRUE(std::getline(file.stream(), line));
  EXPECT_EQ(line.size(), 100000u);
  ASSERT_TRUE(std::getline(file.stream(), line));
  EXPECT_EQ(line, "b");
  EXPECT_FALSE(std::getline(file.stream(), line));
  EXPECT_EQ(code_of([&] { InputFile((folder / "none").string()); }), ErrorCode::kNotFound);
  // A folder opens like a file; reading it must not look like an empty one.
  InputFile directory(fs::temp_directory_path().string());
  EXPECT_EQ(code_of([&] { std::getline(directory.stream(), line); }), ErrorCode::kInvalidArgument);
}

TEST(OutputTarget, AFileAppearsWholeOrNotAtAll) {
  const Folder folder;
  std::ostringstream unused;
  const std::string path = (folder / "out").string();
  {
    OutputTarget target(path, unused);
    target.stream() << "half";
    target.stream().flush();
  }
  EXPECT_EQ(folder.entries(), 0u);
  OutputTarget target(path, unused);
  target.stream() << "whole";
  target.commit();
  EXPECT_EQ(read_file(path, 100), "whole");
  EXPECT_EQ(folder.entries(), 1u);
}

TEST(OutputTarget, FollowsLinksAndLeavesDevicesAlone) {
  const Folder folder;
  std::ostringstream unused;
  std::ofstream(folder / "real") << "old";
  fs::create_symlink(folder / "real", folder / "link");
  OutputTarget target((folder / "link").string(), unused);
  target.stream() << "new";
  target.commit();
  EXPECT_TRUE(fs::is_symlink(folder / "link"));
  EXPECT_EQ(read_file((folder / "real").string(), 100), "new");
  fs::create_symlink("not-there-yet", folder / "dangling");
  OutputTarget new_file((folder / "dangling").string(), unused);
  new_file.stream() << "made";
  new_file.commit();
  EXPECT_EQ(read_file((folder / "not-there-yet").string(), 100), "made");
  EXPECT_TRUE(fs::is_symlink(folder / "dangling"));
  OutputTarget null("/dev/null", unused);
  null.stream() << "gone";
  null.commit();
  EXPECT_TRUE(fs::is_character_file("/dev/null"));
  OutputTarget full("/dev/full", unused);
  full.stream() << "text";
  EXPECT_EQ(code_of([&] { full.commit(); }), ErrorCode::kResourceExhausted);
}

TEST(OutputTarget, WhatCannotBeWrittenFailsAtOnce) {
  std::ostringstream unused;
  EXPECT_EQ(code_of([&] { OutputTarget("/nonexistent/out", unused); }), ErrorCode::kNotFound);
  EXPECT_EQ(code_of([&] { OutputTarget("/tmp", unused); }), ErrorCode::kInvalidArgument);
}

TEST(OutputTarget, WithoutAPathIsStandardOutput) {
  std::ostringstream standard;
  OutputTarget target("", standard);
  target.stream() << "text";
  target.commit();
  EXPECT_EQ(standard.str(), "text");
}

}  // namespace
}  // namespace nestvec
