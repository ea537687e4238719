// SPDX-License-Identifier: Apache-2.0
#include "bulk/bulk_progress.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

#include "base/json_writer.h"

namespace nestvec {
namespace {

std::string grouped(std::uint64_t number) {
  std::string text = std::to_string(number);
  for (std::size_t at = text.size(); at > 3;) text.insert(at -= 3, 1, ',');
  return text;
}

std::string rate(double per_second) {
  if (per_second >= 10) return grouped(static_cast<std::uint64_t>(std::llround(per_second)));
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.1f", per_second);
  return text.data();
}

// "0:07", "12:34", "1:02:03".
std::string clock_time(double seconds) {
  const auto whole = static_cast<std::uint64_t>(std::llround(std::min(seconds, 1e9)));
  std::array<char, 48> text{};
  const unsigned long long hours = whole / 3600;
  const auto minutes = static_cast<unsigned>(whole / 60 % 60);
  const auto rest = static_cast<unsigned>(whole % 60);
  if (hours > 0) {
    std::snprintf(text.data(), text.size(), "%llu:%02u:%02u", hours, minutes, rest);
  } else {
    std::snprintf(text.data(), text.size(), "%u:%02u", minutes, rest);
  }
  return text.data();
}

std::string rates(const BulkProgress& progress) {
  return rate(progress.texts_per_second()) + " texts/s, " + rate(progress.tokens_per_second()) +
         " tokens/s";
}

}  // namespace

double BulkProgress::texts_per_second() const {
  return seconds > 0 ? static_cast<double>(counts.rows - before.rows) / seconds : 0;
}

double BulkProgress::tokens_per_second() const {
  return seconds > 0 ? static_cast<double>(counts.tokens - before.tokens) / seconds : 0;
}

std::optional<double> BulkProgress::fraction() const {
  if (bytes_total == 0) return std::nullopt;
  return std::min(1.0, static_cast<double>(bytes_done) / static_cast<double>(bytes_total));
}

std::optional<double> BulkProgress::seconds_left() const {
  if (bytes_total == 0 || bytes_done <= bytes_before || seconds <= 0) return std::nullopt;
  const double left = static_cast<double>(bytes_total - std::min(bytes_total, bytes_done));
  return seconds * left / static_cast<double>(bytes_done - bytes_before);
}

std::string progress_text(const BulkProgress& progress) {
  std::string text;
  if (const auto fraction = progress.fraction()) {
    text = std::to_string(static_cast<int>(*fraction * 100)) + "%  ";
  }
  text += grouped(progress.counts.rows) + " texts  " + rate(progress.texts_per_second()) +
          " texts/s  " + rate(progress.tokens_per_second()) + " tokens/s";
  if (const auto left = progress.seconds_left()) text += "  " + clock_time(*left) + " left";
  if (progress.counts.bad > 0) text += "  " + grouped(progress.counts.bad) + " bad";
  return text;
}

std::string summary_text(const BulkProgress& progress) {
  const BulkCounts& counts = progress.counts;
  std::string text = grouped(counts.rows) + (counts.rows == 1 ? " text, " : " texts, ") +
                     grouped(counts.tokens) + " tokens in " + clock_time(progress.seconds) + " (" +
                     rates(progress) + ")";
  const auto add = [&text](std::uint64_t count, const char* what) {
    if (count > 0) text += ", " + grouped(count) + " " + what;
  };
  add(progress.before.rows, "of an earlier run");
  add(counts.duplicates, "seen before");
  add(counts.truncated, "cut to the model's length");
  add(counts.bad, "bad");
  return text;
}

std::string progress_json(const BulkProgress& progress, const std::string& event) {
  std::string json;
  JsonObject object(json);
  const auto number = [&object](const char* name, std::optional<double> value, int digits) {
    if (value) {
      object.fixed(name, *value, digits);
    } else {
      object.null(name);
    }
  };
  object.text("event", event);
  visit_counts(progress.counts, [&object](std::string_view name, std::uint64_t value) {
    object.count(name, value);
  });
  object.count("resumed_rows", progress.before.rows);
  number("seconds", progress.seconds, 3);
  number("texts_per_second", progress.texts_per_second(), 1);
  number("tokens_per_second", progress.tokens_per_second(), 1);
  number("fraction", progress.fraction(), 4);
  number("seconds_left", progress.seconds_left(), 1);
  object.end();
  return json;
}

}  // namespace nestvec
