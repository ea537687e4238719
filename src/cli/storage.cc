// SPDX-License-Identifier: Apache-2.0
#include "cli/storage.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <ctime>
#include <filesystem>
#include <istream>
#include <ostream>
#include <set>
#include <string_view>
#include <utility>

#include "base/excerpt.h"
#include "base/file.h"
#include "base/lower.h"
#include "base/quantity.h"
#include "base/trim.h"
#include "config/cache_folder.h"
#include "config/local_models.h"

namespace nestvec {
namespace {

constexpr std::size_t kMaxCardBytes = 4u << 20;
constexpr std::size_t kMaxLicenceBytes = 1u << 20;

// A small file, empty where it cannot be read.
std::string text_or_nothing(const std::filesystem::path& path, std::size_t limit) {
  std::error_code failed;
  if (!std::filesystem::is_regular_file(path, failed)) return {};
  try {
    return read_file(path.string(), limit);
  } catch (const Error&) {
    return {};
  }
}

// "apache-2.0" of a model card that begins with YAML between two lines of dashes.
std::string licence_of_card(std::string_view card) {
  constexpr std::string_view kFence = "---";
  constexpr std::string_view kKey = "license:";
  bool inside = false;
  while (!card.empty()) {
    const std::size_t end = std::min(card.find('\n'), card.size());
    std::string_view line = card.substr(0, end);
    card.remove_prefix(std::min(end + 1, card.size()));
    if (trim(line) == kFence) {
      if (inside) return {};
      inside = true;
    } else if (!inside) {
      return {};
    } else if (line.starts_with(kKey)) {
      line = trim(line.substr(kKey.size()));
      if (line.size() >= 2 && (line.front() == '"' || line.front() == '\'')) {
        line = line.substr(1, line.size() - 2);
      }
      return ascii_lower(excerpt(line));
    }
  }
  return {};
}

std::string licence_of_text(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kBeginnings = {
      {{"apache license", "apache-2.0"},
       {"mit license", "mit"},
       {"the mit license", "mit"},
       {"creative commons attribution-noncommercial 4.0", "cc-by-nc-4.0"}}};
  const std::string begin = ascii_lower(trim(text).substr(0, 200));
  for (const auto& [words, licence] : kBeginnings) {
    if (begin.starts_with(words)) return std::string(licence);
  }
  return {};
}

Error not_an_age(const std::string& text) {
  return Error(ErrorCode::kInvalidArgument,
               "expected an age such as 12h, 30d or 4w, found \"" + excerpt(text) + "\"");
}

}  // namespace

std::string compiled_folder(const std::string& given, const Environment& environment) {
  return cache_folder(given.empty() ? environment("NESTVEC_CACHE_DIR").value_or("") : given,
                      environment);
}

std::uint64_t bytes_below(const std::string& folder) {
  std::uint64_t bytes = 0;
  std::set<std::pair<dev_t, ino_t>> seen;
  std::error_code failed;
  for (std::filesystem::recursive_directory_iterator entry(folder, failed), end;
       !failed && entry != end; entry.increment(failed)) {
    struct stat status{};
    if (::stat(entry->path().c_str(), &status) != 0 || !S_ISREG(status.st_mode)) continue;
    if (!seen.emplace(status.st_dev, status.st_ino).second) continue;
    bytes += static_cast<std::uint64_t>(status.st_size);
  }
  return bytes;
}

std::string licence_of(const std::string& folder) {
  const std::filesystem::path path(folder);
  std::string licence = licence_of_card(text_or_nothing(path / "README.md", kMaxCardBytes));
  for (const char* name : {"LICENSE", "LICENSE.txt", "LICENSE.md"}) {
    if (licence.empty()) licence = licence_of_text(text_or_nothing(path / name, kMaxLicenceBytes));
  }
  return licence;
}

std::vector<StoredModel> stored_models(const std::vector<CacheEntry>& entries,
                                       const Environment& environment) {
  std::vector<StoredModel> models;
  for (const LocalModel& local : local_models(environment)) {
    StoredModel model;
    model.name = local.name;
    model.folder = local.folder;
    model.bytes = bytes_below(local.folder);
    model.licence = licence_of(local.folder);
    for (const CacheEntry& entry : entries) {
      if (!is_compiled_from(entry, local.folder)) continue;
      model.compiled.push_back(entry);
      model.used = std::max(model.used.value_or(entry.used), entry.used);
    }
    models.push_back(std::move(model));
  }
  return models;
}

std::chrono::seconds parse_age(const std::string& text) {
  constexpr std::array<std::pair<char, std::int64_t>, 5> kUnits = {
      {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86'400}, {'w', 604'800}}};
  constexpr std::int64_t kMost = 1'000'000;
  std::int64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, failed] = std::from_chars(text.data(), end, number);
  if (failed != std::errc() || number < 0 || number > kMost || end - stop != 1) {
    throw not_an_age(text);
  }
  for (const auto& [unit, seconds] : kUnits) {
    if (*stop == unit) return std::chrono::seconds(number * seconds);
  }
  throw not_an_age(text);
}

std::uint64_t parse_size(const std::string& text) {
  const bool has_byte = text.size() > 1 && (text.back() == 'B' || text.back() == 'b');
  return parse_bytes(has_byte ? text.substr(0, text.size() - 1) : text);
}

std::string age_text(WallTime then, WallTime now) {
  const auto days = std::chrono::duration_cast<std::chrono::hours>(now - then).count() / 24;
  if (days < 1) return "today";
  if (days == 1) return "yesterday";
  return std::to_string(days) + " days ago";
}

std::string utc_text(WallTime time) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  std::tm parts{};
  std::array<char, 32> text{};
  ::gmtime_r(&seconds, &parts);
  std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text.data();
}

void print_columns(const std::vector<std::vector<std::string>>& rows, std::ostream& out) {
  std::vector<std::size_t> widths;
  for (const std::vector<std::string>& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  for (const std::vector<std::string>& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      line += row[i] + std::string(widths[i] + 2 - row[i].size(), ' ');
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out << line << '\n';
  }
}

bool is_confirmed(const std::string& question, CliContext& context) {
  context.err << question << " [y/N] ";
  context.err.flush();
  std::string answer;
  if (!std::getline(context.in, answer)) {
    context.err << '\n';
    return false;
  }
  return !answer.empty() && (answer[0] == 'y' || answer[0] == 'Y');
}

}  // namespace nestvec
