// SPDX-License-Identifier: Apache-2.0
#include "observe/log_writer.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <new>
#include <system_error>
#include <utility>

#include "base/start_thread.h"
#include "base/thread_signals.h"

namespace nestvec {
namespace {

std::uint64_t count_lines(std::string_view text) {
  return static_cast<std::uint64_t>(std::ranges::count(text, '\n'));
}

void wait_until_writable(int fd) {
  pollfd state{fd, POLLOUT, 0};
  ::poll(&state, 1, -1);
}

}  // namespace

struct LogWriter::State {
  State(int file, LossLine line, std::size_t most)
      : fd(file), loss_line(std::move(line)), most_bytes(most) {}

  void run();
  bool keep(std::string_view lines);  // with the mutex held
  void write_lines(const std::string& lines, std::uint64_t lost_before);
  void tell_losses(std::uint64_t all);
  std::size_t write(std::string_view text);

  const int fd;
  const LossLine loss_line;
  const std::size_t most_bytes;
  std::atomic<std::uint64_t> lost{0};

  // The thread's alone.
  std::uint64_t told = 0;
  int error = 0;           // of the last write that failed
  bool in_a_line = false;  // it broke off in the middle of one

  std::mutex mutex;  // guards what follows
  std::condition_variable wake;
  std::condition_variable idle;
  std::string waiting;
  bool writing = false;
  bool stopping = false;
  bool ended = false;
};

LogWriter::LogWriter(int fd, LossLine loss_line, std::size_t most_bytes)
    : state_(std::make_shared<State>(fd, std::move(loss_line), most_bytes)) {
  start_thread("the log thread", [state = state_] { state->run(); }).detach();
}

LogWriter::~LogWriter() {
  std::unique_lock lock(state_->mutex);
  state_->stopping = true;
  state_->wake.notify_all();
  state_->idle.wait_for(lock, kLastSeconds, [this] { return state_->ended; });
}

void LogWriter::add(std::string_view lines) noexcept {
  {
    const std::lock_guard lock(state_->mutex);
    if (!state_->keep(lines)) state_->lost += count_lines(lines);
  }
  state_->wake.notify_one();
}

bool LogWriter::State::keep(std::string_view lines) {
  if (lines.size() > most_bytes - waiting.size()) return false;
  try {
    waiting += lines;
    return true;
  } catch (const std::bad_alloc&) {
    return false;
  }
}

bool LogWriter::flush(std::chrono::steady_clock::time_point deadline) const {
  std::unique_lock lock(state_->mutex);
  return state_->idle.wait_until(lock, deadline,
                                 [this] { return state_->waiting.empty() && !state_->writing; });
}

std::uint64_t LogWriter::lost() const noexcept { return state_->lost; }

void LogWriter::State::run() {
  block_signals_in_this_thread();
  std::string lines;
  std::unique_lock lock(mutex);
  while (!stopping || !waiting.empty()) {
    wake.wait(lock, [this] { return stopping || !waiting.empty(); });
    std::swap(lines, waiting);
    writing = true;
    const std::uint64_t lost_before = lost;  // after these lines, and before what comes next
    lock.unlock();
    write_lines(lines, lost_before);
    lines.clear();
    lock.lock();
    writing = false;
    idle.notify_all();
  }
  ended = true;
  idle.notify_all();
}

void LogWriter::State::write_lines(const std::string& lines, std::uint64_t lost_before) {
  // The rest of a line that was broken off must not run into the next one.
  if (in_a_line && write("\n") == 1) in_a_line = false;
  const std::size_t written = write(lines);
  if (written < lines.size()) {
    lost += count_lines(std::string_view(lines).substr(written));
    in_a_line = in_a_line || (written > 0 && lines[written - 1] != '\n');
  } else {
    tell_losses(lost_before);
  }
}

void LogWriter::State::tell_losses(std::uint64_t all) {
  if (all == told) return;
  try {
    const std::string line =
        loss_line(all - told, error == 0 ? "" : std::generic_category().message(error));
    if (write(line) != line.size()) return;
  } catch (const std::exception&) {
    return;  // no memory: it is told another time
  }
  told = all;
  error = 0;
}

// Returns how many bytes were written: all, or those before a failure.
std::size_t LogWriter::State::write(std::string_view text) {
  std::size_t written = 0;
  while (written < text.size()) {
    const ssize_t count = ::write(fd, text.data() + written, text.size() - written);
    if (count >= 0) {
      written += static_cast<std::size_t>(count);
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      wait_until_writable(fd);
    } else if (errno != EINTR) {
      error = errno;
      break;
    }
  }
  return written;
}

}  // namespace nestvec
