// SPDX-License-Identifier: Apache-2.0
// What the server writes about itself and about requests: one line each, as text or JSON. No text
// of a user is in it, and no query string.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace nestvec {

// A request that was answered, or whose client went away before.
struct AccessRecord {
  std::chrono::system_clock::time_point time;  // when the request was there
  std::string id;
  std::string client;  // the peer's IP address, or "unix"
  std::string method;  // "-" where the request could not be read
  std::string path;    // decoded, without the query; "-" likewise
  int status = 0;
  double milliseconds = 0;              // until the answer's last byte was handed to the system
  std::uint64_t bytes_in = 0;           // of the body, as sent
  std::uint64_t bytes_out = 0;          // of the answer with its head
  std::optional<std::uint64_t> tokens;  // the answer's x-nestvec-tokens
  bool routine = false;                 // a probe, or a file that a page loads
};

using AccessLog = std::function<void(const AccessRecord&)>;

enum class LogLevel { kDebug, kInfo, kWarning, kError };
enum class LogFormat { kText, kJson };

// "text" or "json". Throws Error kInvalidArgument.
LogFormat parse_log_format(std::string_view text);

// "debug", "info", "warning" or "error". Throws Error kInvalidArgument.
LogLevel parse_log_level(std::string_view text);

// The level of a request's line. Error for 5xx; warning for 503, which clients retry, and for 504,
// since clients may set a deadline; info for what any scanner can bring about, 501 and 505.
// Debug for what is routine, unless it failed otherwise than with 503.
LogLevel access_level(const AccessRecord& record);

// The line of a message, with its line break: {"time","level","message"}, or "TIME level message".
// Control characters and those that change the direction of a text are escaped, as in every line.
std::string message_line(LogFormat format, LogLevel level, std::string_view text);

// The line that tells of lines that were lost, for LogWriter.
std::string loss_line(LogFormat format, std::uint64_t lines, const std::string& reason);

// Safe for concurrent use; a line at a time reaches the sink. Nothing of it throws: a line that
// there is no memory for is lost and counted.
class Log {
 public:
  using Sink = std::function<void(std::string_view line)>;  // with its line break
  using Lost = std::function<std::uint64_t()>;

  // Lines below `least` are left out. `lost` counts the lines that the sink has lost.
  Log(LogFormat format, Sink sink, LogLevel least = LogLevel::kInfo, Lost lost = {});

  void message(LogLevel level, std::string_view text) noexcept;

  // {"time","level","id","client","method","path","status","ms","bytes_in","bytes_out","tokens"}.
  // Long paths are cut.
  void access(const AccessRecord& record) noexcept;

  // Lines that nobody will read.
  std::uint64_t lost_lines() const;

 private:
  template <class MakeLine>
  void write(LogLevel level, MakeLine make) noexcept;

  const LogFormat format_;
  const Sink sink_;
  const LogLevel least_;
  const Lost lost_;
  std::atomic<std::uint64_t> unwritten_{0};  // for lack of memory
  std::mutex mutex_;                         // one call of sink_ at a time
};

}  // namespace nestvec
