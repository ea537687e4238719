// SPDX-License-Identifier: Apache-2.0
#include "observe/log_writer.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>

#include "base/file.h"

namespace nestvec {
namespace {

using std::chrono::seconds;
using std::chrono::steady_clock;

const std::string kLine = std::string(99, 'x') + "\n";

std::string loss(std::uint64_t lines, const std::string& reason) {
  return "lost " + std::to_string(lines) + (reason.empty() ? "" : ": " + reason) + "\n";
}

bool flush(const LogWriter& writer) { return writer.flush(steady_clock::now() + seconds(60)); }

class Pipe {
 public:
  explicit Pipe(int flags = 0) {
    std::array<int, 2> ends{};
    EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC | flags), 0);
    reader = FileDescriptor(ends[0]);
    writer = FileDescriptor(ends[1]);
  }

  // What was written, up to and with `last`.
  std::string read_until(const std::string& last) const {
    std::string text;
    while (text.find(last) == std::string::npos) {
      std::array<char, 4096> part{};
      const ssize_t count = ::read(reader.get(), part.data(), part.size());
      if (count <= 0) break;
      text.append(part.data(), static_cast<std::size_t>(count));
    }
    return text;
  }

  FileDescriptor reader;
  FileDescriptor writer;
};

// Fills the pipe and the writer's memory.
int add_until_lost(LogWriter& writer) {
  int lines = 0;
  for (; writer.lost() == 0; ++lines) writer.add(kLine);
  return lines;
}

TEST(LogWriter, WritesWhatItIsGivenInOrder) {
  const Pipe pipe;
  {
    LogWriter writer(pipe.writer.get(), loss);
    writer.add("one\n");
    writer.add("two\nthree\n");
    EXPECT_TRUE(flush(writer));
    EXPECT_EQ(pipe.read_until("three\n"), "one\ntwo\nthree\n");
    writer.add("last\n");
  }
  EXPECT_EQ(pipe.read_until("last\n"), "last\n");
}

TEST(LogWriter, NeverWaitsForAReaderAndTellsWhatWasLost) {
  const Pipe pipe;
  LogWriter writer(pipe.writer.get(), loss);
  const int lines = add_until_lost(writer);
  EXPECT_FALSE(writer.flush(steady_clock::now()));
  const std::string text = pipe.read_until("lost 1\n");
  EXPECT_TRUE(text.ends_with("lost 1\n"));
  EXPECT_EQ(text.size(), kLine.size() * static_cast<std::size_t>(lines - 1) + 7);
  writer.add("again\n");
  EXPECT_EQ(pipe.read_until("again\n"), "again\n");
}

TEST(LogWriter, EndsThoughNobodyReads) {
  const Pipe pipe;
  {
    LogWriter writer(pipe.writer.get(), loss);
    add_until_lost(writer);
  }
  // Its thread is still there, and ends with its last line.
  EXPECT_TRUE(pipe.read_until("lost 1\n").ends_with("lost 1\n"));
}

TEST(LogWriter, WaitsWhereTheDescriptorDoesNot) {
  const Pipe pipe(O_NONBLOCK);
  ASSERT_EQ(::fcntl(pipe.reader.get(), F_SETFL, 0), 0);
  LogWriter writer(pipe.writer.get(), loss);
  std::string sent;
  constexpr std::size_t kMoreThanAPipeHolds = 300'000;
  while (sent.size() < kMoreThanAPipeHolds) {
    writer.add(kLine);
    sent += kLine;
  }
  writer.add("end\n");
  EXPECT_EQ(pipe.read_until("end\n"), sent + "end\n");
  EXPECT_EQ(writer.lost(), 0u);
}

TEST(LogWriter, GoesOnAfterAFullDisk) {
  const std::string path =
      std::filesystem::temp_directory_path() / ("nestvec-log-" + std::to_string(::getpid()));
  const FileDescriptor fd(::open("/dev/full", O_WRONLY | O_CLOEXEC));
  ASSERT_GE(fd.get(), 0);
  {
    LogWriter writer(fd.get(), loss);
    writer.add("one\ntwo\n");
    EXPECT_TRUE(flush(writer));
    EXPECT_EQ(writer.lost(), 2u);
    const FileDescriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600));
    ASSERT_GE(::dup3(file.get(), fd.get(), O_CLOEXEC), 0);
    writer.add("three\n");
    EXPECT_TRUE(flush(writer));
    writer.add("four\n");
  }
  std::ifstream in(path);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(in), {}),
            "three\nlost 2: No space left on device\nfour\n");
  std::filesystem::remove(path);
}

TEST(LogWriter, SurvivesAReaderThatGoes) {
  Pipe pipe;
  LogWriter writer(pipe.writer.get(), loss);
  pipe.reader = FileDescriptor();
  writer.add("one\n");
  EXPECT_TRUE(flush(writer));
  EXPECT_EQ(writer.lost(), 1u);
}

TEST(LogWriter, BeginsANewLineAfterOneThatBrokeOff) {
  Pipe pipe;
  const Pipe other;
  LogWriter writer(pipe.writer.get(), loss);
  const std::string large(100'000, 'y');  // more than a pipe holds
  writer.add("first\n" + large + "\n");
  std::array<char, 6> part{};
  ASSERT_EQ(::read(pipe.reader.get(), part.data(), part.size()), 6);  // it writes
  pipe.reader = FileDescriptor();
  EXPECT_TRUE(flush(writer));
  EXPECT_EQ(writer.lost(), 1u);
  ASSERT_GE(::dup3(other.writer.get(), pipe.writer.get(), O_CLOEXEC), 0);
  writer.add("next\n");
  EXPECT_EQ(other.read_until("pipe\n"), "\nnext\nlost 1: Broken pipe\n");
}

}  // namespace
}  // namespace nestvec
