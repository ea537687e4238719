// SPDX-License-Identifier: Apache-2.0
#include "observe/log.h"

#include <array>
#include <cstdio>
#include <ctime>
#include <exception>

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
    case LogLevel::kDebug:
      return "debug";
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

// Unseen in a terminal or an editor, or in the way of what is seen: C0 and C1 controls, what
// changes the direction of a text, and separators of lines.
bool is_unprintable(char32_t c) {
  return c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0x61c || c == 0x200e || c == 0x200f ||
         (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

// Each of them as \uXXXX, which JSON reads as the same; the rest as it is.
std::string printable(std::string_view text) {
  std::string storage;
  text = repair_utf8(text, storage);
  std::string result;
  result.reserve(text.size() + 1);
  while (!text.empty()) {
    const DecodedCodePoint next = decode_utf8(text);
    if (is_unprintable(next.code_point)) {
      std::array<char, 8> escape{};
      std::snprintf(escape.data(), escape.size(), "\\u%04x",
                    static_cast<unsigned>(next.code_point));
      result += escape.data();
    } else {
      result += text.substr(0, next.length);
    }
    text.remove_prefix(next.length);
  }
  return result;
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
  return printable(line) + "\n";
}

std::string text_line(const AccessRecord& record, LogLevel level) {
  std::string line = timestamp(record.time) + " ";
  line += level_name(level);
  line += " " + record.client + " " + json_text(record.method + " " + record.path) + " " +
          std::to_string(record.status) + " " + milliseconds(record.milliseconds) +
          " ms in=" + std::to_string(record.bytes_in) + " out=" + std::to_string(record.bytes_out);
  if (record.tokens) line += " tokens=" + std::to_string(*record.tokens);
  return printable(line + " id=" + record.id) + "\n";
}

}  // namespace

LogFormat parse_log_format(std::string_view text) {
  if (text == "text") return LogFormat::kText;
  if (text == "json") return LogFormat::kJson;
  throw Error(ErrorCode::kInvalidArgument,
              "server.log_format: expected text or json, found \"" + std::string(text) + "\"");
}

LogLevel parse_log_level(std::string_view text) {
  for (const LogLevel level :
       {LogLevel::kDebug, LogLevel::kInfo, LogLevel::kWarning, LogLevel::kError}) {
    if (text == level_name(level)) return level;
  }
  throw Error(ErrorCode::kInvalidArgument,
              "server.log_level: expected debug, info, warning or error, found \"" +
                  std::string(text) + "\"");
}

LogLevel access_level(const AccessRecord& record) {
  constexpr int kServerError = 500;
  constexpr int kNotImplemented = 501;
  constexpr int kUnavailable = 503;
  constexpr int kDeadline = 504;
  constexpr int kVersion = 505;
  const bool unavailable = record.status == kUnavailable;
  if (record.routine && (record.status < kServerError || unavailable)) return LogLevel::kDebug;
  if (unavailable || record.status == kDeadline) return LogLevel::kWarning;
  if (record.status < kServerError || record.status == kNotImplemented ||
      record.status == kVersion) {
    return LogLevel::kInfo;
  }
  return LogLevel::kError;
}

std::string message_line(LogFormat format, LogLevel level, std::string_view text) {
  const std::string time = timestamp(std::chrono::system_clock::now());
  std::string line;
  if (format == LogFormat::kText) {
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
  return printable(line) + "\n";
}

std::string loss_line(LogFormat format, std::uint64_t lines, const std::string& reason) {
  return message_line(format, LogLevel::kWarning,
                      "log lines lost: " + std::to_string(lines) + "; " +
                          (reason.empty() ? "they were not read fast enough"
                                          : "they could not be written: " + reason));
}

Log::Log(LogFormat format, Sink sink, LogLevel least, Lost lost)
    : format_(format), sink_(std::move(sink)), least_(least), lost_(std::move(lost)) {}

template <class MakeLine>
void Log::write(LogLevel level, MakeLine make) noexcept {
  if (level < least_) return;
  try {
    const std::string line = make();
    const std::lock_guard lock(mutex_);
    sink_(line);
  } catch (const std::exception&) {
    ++unwritten_;
  }
}

void Log::message(LogLevel level, std::string_view text) noexcept {
  write(level, [&] { return message_line(format_, level, text); });
}

void Log::access(const AccessRecord& record) noexcept {
  const LogLevel level = access_level(record);
  write(level, [&] {
    return format_ == LogFormat::kJson ? json_line(record, level) : text_line(record, level);
  });
}

std::uint64_t Log::lost_lines() const { return unwritten_ + (lost_ ? lost_() : 0); }

}  // namespace nestvec
