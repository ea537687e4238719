// SPDX-License-Identifier: Apache-2.0
#include "server/log.h"

#include <array>
#include <cstdio>
#include <ctime>

#include "base/json.h"
#include "base/utf8.h"
#include "nestvec/error.h"

namespace nestvec {
namespace {

using Time = std::chrono::system_clock::time_point;

// "2026-01-31T12:00:00.123Z".
std::string timestamp(Time time) {
  const auto since = std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch());
  const std::time_t seconds = since.count() / 1000;
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", utc.tm_year + 1900,
                utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec,
                static_cast<int>(since.count() % 1000));
  return text.data();
}

std::string_view level_name(LogLevel level) {
  switch (level) {
    case LogLevel::kInfo:
      return "info";
    case LogLevel::kWarning:
      return "warning";
    case LogLevel::kError:
      return "error";
  }
  return "error";
}

std::string milliseconds(double value) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.3f", value);
  return text.data();
}

// Quotes and escapes, in the text form too: a path with a line break must not look like two lines.
std::string json_text(std::string_view text) {
  constexpr std::size_t kLongest = 256;
  std::string storage;
  std::string result;
  append_json_string(repair_utf8(text.substr(0, kLongest), storage), result);
  return result;
}

std::string json_line(const AccessRecord& record, LogLevel level) {
  std::string line = R"({"time":")" + timestamp(record.time) + R"(","level":")";
  line += level_name(level);
  line += R"(","id":)" + json_text(record.id) + R"(,"client":)" + json_text(record.client);
  line += R"(,"method":)" + json_text(record.method) + R"(,"path":)" + json_text(record.path);
  line += R"(,"status":)" + std::to_string(record.status);
  line += R"(,"ms":)" + milliseconds(record.milliseconds);
  line += R"(,"bytes_in":)" + std::to_string(record.bytes_in);
  line += R"(,"bytes_out":)" + std::to_string(record.bytes_out);
  if (record.tokens) line += R"(,"tokens":)" + std::to_string(*record.tokens);
  return line + "}\n";
}

std::string text_line(const AccessRecord& record, LogLevel level) {
  std::string line = timestamp(record.time) + " ";
  line += level_name(level);
  line += " " + record.client + " " + json_text(record.method + " " + record.path) + " " +
          std::to_string(record.status) + " " + milliseconds(record.milliseconds) +
          " ms in=" + std::to_string(record.bytes_in) + " out=" + std::to_string(record.bytes_out);
  if (record.tokens) line += " tokens=" + std::to_string(*record.tokens);
  return line + " id=" + record.id + "\n";
}

}  // namespace

LogFormat parse_log_format(std::string_view text) {
  if (text == "text") return LogFormat::kText;
  if (text == "json") return LogFormat::kJson;
  throw Error(ErrorCode::kInvalidArgument,
              "server.log_format: expected text or json, found \"" + std::string(text) + "\"");
}

Log::Log(LogFormat format, Sink sink) : format_(format), sink_(std::move(sink)) {}

void Log::write(const std::string& line) {
  const std::lock_guard lock(mutex_);
  sink_(line);
}

void Log::message(LogLevel level, std::string_view text) {
  const std::string time = timestamp(std::chrono::system_clock::now());
  std::string line;
  if (format_ == LogFormat::kText) {
    line = time + " ";
    line += level_name(level);
    line += ' ';
    line += text;
  } else {
    line = R"({"time":")" + time + R"(","level":")";
    line += level_name(level);
    line += R"(","message":)";
    std::string storage;
    append_json_string(repair_utf8(text, storage), line);
    line += '}';
  }
  write(line + "\n");
}

void Log::access(const AccessRecord& record) {
  const LogLevel level = record.status >= 500 ? LogLevel::kError : LogLevel::kInfo;
  write(format_ == LogFormat::kJson ? json_line(record, level) : text_line(record, level));
}

}  // namespace nestvec
