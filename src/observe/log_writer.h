// SPDX-License-Identifier: Apache-2.0
// Writes lines to a file descriptor from a thread of its own: who logs never waits for who reads.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace nestvec {

// Keeps a bounded number of bytes. Lines that do not fit, because nobody reads, and lines that
// cannot be written, because the disk is full or the reader is gone, are lost and counted. After
// the next lines that can be written, one line tells how many were lost. Safe for concurrent use.
class LogWriter {
 public:
  // The line, with its line break, that tells of `lines` lost ones. `reason` is the system's, or
  // empty where they were too many at once.
  using LossLine = std::function<std::string(std::uint64_t lines, const std::string& reason)>;

  // `fd` stays the caller's. Throws Error kResourceExhausted where no thread can be started.
  LogWriter(int fd, LossLine loss_line, std::size_t most_bytes = kMostBytes);
  LogWriter(const LogWriter&) = delete;
  LogWriter& operator=(const LogWriter&) = delete;
  // Writes what waits, for kLastSeconds at most: a thread that is stuck in a write is left behind.
  ~LogWriter();

  // Takes lines, with their line breaks. Neither blocks nor throws.
  void add(std::string_view lines) noexcept;

  // Blocks until what was added is written or lost, at most until `deadline`. Returns whether it
  // is.
  bool flush(std::chrono::steady_clock::time_point deadline) const;

  std::uint64_t lost() const noexcept;

  static constexpr std::size_t kMostBytes = std::size_t{1} << 20;
  static constexpr std::chrono::seconds kLastSeconds{2};

 private:
  struct State;

  // The thread's, too: it may outlive the writer.
  const std::shared_ptr<State> state_;
};

}  // namespace nestvec
