// SPDX-License-Identifier: Apache-2.0
#include "observe/log.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <ctime>
#include <new>

#include "base/json.h"
#include "nestvec/error.h"

namespace nestvec {
namespace {

AccessRecord record() {
  AccessRecord record;
  record.time = std::chrono::system_clock::from_time_t(784111777) + std::chrono::milliseconds(45);
  record.id = "id-1";
  record.client = "127.0.0.1";
  record.method = "POST";
  record.path = "/v1/\"x\"\n";
  record.status = 200;
  record.milliseconds = 1.5;
  record.bytes_in = 10;
  record.bytes_out = 20;
  return record;
}

std::string line_of(LogFormat format, const AccessRecord& entry) {
  std::string line;
  Log(format, [&](std::string_view text) { line += text; }).access(entry);
  return line;
}

TEST(Log, WritesText) {
  EXPECT_EQ(line_of(LogFormat::kText, record()),
            "1994-11-06T08:49:37.045Z info 127.0.0.1 \"POST /v1/\\\"x\\\"\\n\" 200 1.500 ms in=10 "
            "out=20 id=id-1\n");
}

TEST(Log, WritesJson) {
  AccessRecord entry = record();
  entry.status = 500;
  entry.tokens = 7;
  const std::string line = line_of(LogFormat::kJson, entry);
  EXPECT_EQ(line.find('\n'), line.size() - 1);
  const JsonDocument json = JsonDocument::parse(line, "line");
  EXPECT_EQ(json.root().at("time").string(), "1994-11-06T08:49:37.045Z");
  EXPECT_EQ(json.root().at("level").string(), "error");
  EXPECT_EQ(json.root().at("path").string(), entry.path);
  EXPECT_EQ(json.root().at("ms").number(), 1.5);
  EXPECT_EQ(json.root().at("tokens").integer(), 7);
}

TEST(Log, CutsLongPaths) {
  AccessRecord entry = record();
  entry.path = std::string(10'000, 'x');
  EXPECT_LT(line_of(LogFormat::kJson, entry).size(), 600u);
}

TEST(Log, WritesMessages) {
  std::string lines;
  Log log(LogFormat::kJson, [&](std::string_view text) { lines += text; });
  log.message(LogLevel::kWarning, "two\nlines");
  const JsonDocument json = JsonDocument::parse(lines, "line");
  EXPECT_EQ(json.root().at("message").string(), "two\nlines");
  EXPECT_THROW(parse_log_format("xml"), Error);
}

// A terminal would obey C1 controls, and show text behind U+202E backwards.
TEST(Log, EscapesWhatCannotBeSeen) {
  AccessRecord entry = record();
  entry.path = "/a\u0085b\u009bc\u202ed\u2066e\u200ef\u061cg\u2028h\u00e9";
  const std::string escaped = "/a\\u0085b\\u009bc\\u202ed\\u2066e\\u200ef\\u061cg\\u2028h\u00e9";
  EXPECT_NE(line_of(LogFormat::kText, entry).find("POST " + escaped + "\""), std::string::npos)
      << line_of(LogFormat::kText, entry);
  const std::string line = line_of(LogFormat::kJson, entry);
  EXPECT_NE(line.find(escaped), std::string::npos) << line;
  const JsonDocument json = JsonDocument::parse(line, "line");
  EXPECT_EQ(json.root().at("path").string(), entry.path);

  const std::string message = message_line(LogFormat::kText, LogLevel::kInfo, "a\nb\u202e\xff");
  EXPECT_TRUE(message.ends_with(" info a\\u000ab\\u202e\ufffd\n")) << message;
}

LogLevel level_of(int status, bool routine = false) {
  AccessRecord entry = record();
  entry.status = status;
  entry.routine = routine;
  return access_level(entry);
}

TEST(Log, WhatAnyScannerBringsAboutIsNoError) {
  for (const int status : {200, 400, 404, 405, 429, 501, 505}) {
    EXPECT_EQ(level_of(status), LogLevel::kInfo) << status;
  }
  EXPECT_EQ(level_of(503), LogLevel::kWarning) << "clients retry";
  EXPECT_EQ(level_of(500), LogLevel::kError);
  EXPECT_EQ(level_of(504), LogLevel::kWarning) << "clients set deadlines";
}

TEST(Log, WhatIsRoutineIsForDebugging) {
  for (const int status : {200, 304, 404, 503}) {
    EXPECT_EQ(level_of(status, true), LogLevel::kDebug) << status;
  }
  EXPECT_EQ(level_of(500, true), LogLevel::kError);
  std::string lines;
  Log log(LogFormat::kText, [&](std::string_view text) { lines += text; });
  AccessRecord probe = record();
  probe.routine = true;
  log.access(probe);
  EXPECT_EQ(lines, "");
  Log chatty(LogFormat::kText, [&](std::string_view text) { lines += text; }, LogLevel::kDebug);
  chatty.access(probe);
  EXPECT_NE(lines.find(" debug 127.0.0.1 "), std::string::npos) << lines;
}

TEST(Log, LeavesOutWhatIsBelowItsLevel) {
  std::string lines;
  Log log(LogFormat::kText, [&](std::string_view text) { lines += text; }, LogLevel::kWarning);
  log.message(LogLevel::kInfo, "one");
  log.message(LogLevel::kWarning, "two");
  log.message(LogLevel::kError, "three");
  log.access(record());
  EXPECT_EQ(std::ranges::count(lines, '\n'), 2);
  EXPECT_EQ(parse_log_level("warning"), LogLevel::kWarning);
  EXPECT_EQ(parse_log_level("debug"), LogLevel::kDebug);
  EXPECT_THROW(parse_log_level("trace"), Error);
}

TEST(Log, CountsLinesThatAreLost) {
  Log log(
      LogFormat::kText, [](std::string_view) { throw std::bad_alloc(); }, LogLevel::kInfo,
      [] { return std::uint64_t{4}; });
  log.message(LogLevel::kInfo, "one");
  log.access(record());
  EXPECT_EQ(log.lost_lines(), 6u);
}

}  // namespace
}  // namespace nestvec
