// SPDX-License-Identifier: Apache-2.0
#include "observe/log.h"

#include <array>
#include <cstdio>
#include <ctime>

#include "base/json.h"
#include "base/json_writer.h"
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

constexpr int kMillisecondDigits = 3;

std::string milliseconds(double value) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.*f", kMillisecondDigits, value);
  return text.data();
}

// What clients send may be long.
std::string_view cut(std::string_view text) {
  constexpr std::size_t kLongest = 256;
  return text.substr(0, kLongest);
}

// Quoted and escaped: a path with a line break must not look like two lines.
std::string json_text(std::string_view text) {
  std::string storage;
  std::string result;
  append_json_string(repair_utf8(cut(text), storage), result);
  return result;
}

std::string json_line(const AccessRecord& record, LogLevel level) {
  std::string line;
  JsonObject object(line);
  object.text("time", timestamp(record.time));
  object.text("level", level_name(level));
  object.text("id", cut(record.id));
  object.text("client", cut(record.client));
  object.text("method", cut(record.method));
  object.text("path", cut(record.path));
  object.integer("status", record.status);
  object.fixed("ms", record.milliseconds, kMillisecondDigits);
  object.count("bytes_in", record.bytes_in);
  object.count("bytes_out", record.bytes_out);
  if (record.tokens) object.count("tokens", *record.tokens);
  object.end();
  return line + "\n";
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
    JsonObject object(line);
    object.text("time", time);
    object.text("level", level_name(level));
    object.text("message", text);
    object.end();
  }
  write(line + "\n");
}

void Log::access(const AccessRecord& record) {
  const LogLevel level = record.status >= 500 ? LogLevel::kError : LogLevel::kInfo;
  write(format_ == LogFormat::kJson ? json_line(record, level) : text_line(record, level));
}

}  // namespace nestvec
