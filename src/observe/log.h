// SPDX-License-Identifier: Apache-2.0
// What the server writes about itself and about requests: one line each, as text or JSON. No text
// of a user is in it, and no query string.
#pragma once

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
};

using AccessLog = std::function<void(const AccessRecord&)>;

enum class LogLevel { kInfo, kWarning, kError };
enum class LogFormat { kText, kJson };

// "text" or "json". Throws Error kInvalidArgument.
LogFormat parse_log_format(std::string_view text);

// Safe for concurrent use; a line at a time reaches the sink.
class Log {
 public:
  using Sink = std::function<void(std::string_view line)>;  // with its line break; may block

  Log(LogFormat format, Sink sink);

  // {"time","level","message"}, or "TIME level message".
  void message(LogLevel level, std::string_view text);

  // {"time","level","id","client","method","path","status","ms","bytes_in","bytes_out","tokens"}.
  // Level: error for 5xx, otherwise info. Long paths are cut.
  void access(const AccessRecord& record);

 private:
  void write(const std::string& line);

  const LogFormat format_;
  const Sink sink_;
  std::mutex mutex_;  // one call of sink_ at a time
};

}  // namespace nestvec
