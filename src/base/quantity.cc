// SPDX-License-Identifier: Apache-2.0
#include "base/quantity.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <optional>

#include "base/excerpt.h"
#include "nestvec/error.h"

namespace nestvec {
namespace {

constexpr std::string_view kCoresForm = "expected cores such as \"2\", \"1.5\" or \"500m\"";
constexpr std::string_view kBytesForm =
    "expected bytes such as \"5Gi\", \"512Mi\", \"1.5G\" or \"5368709120\" (units k M G T P E, Ki "
    "Mi Gi "
    "Ti Pi Ei)";
constexpr int kMaxDigits = 19;  // fits in 64 bits
constexpr int kMaxExponent = 30;
constexpr double kMaxCores = 1e6;
constexpr long double kMaxBytes = 9223372036854775807.0L;  // Kubernetes stops at int64 too

struct Unit {
  std::string_view suffix;
  long double factor;
};

constexpr std::array<Unit, 16> kUnits = {{
    {"", 1.0L},
    {"n", 1e-9L},
    {"u", 1e-6L},
    {"m", 1e-3L},
    {"k", 1e3L},
    {"M", 1e6L},
    {"G", 1e9L},
    {"T", 1e12L},
    {"P", 1e15L},
    {"E", 1e18L},
    {"Ki", 1024.0L},
    {"Mi", 1048576.0L},
    {"Gi", 1073741824.0L},
    {"Ti", 1099511627776.0L},
    {"Pi", 1125899906842624.0L},
    {"Ei", 1152921504606846976.0L},
}};

Error bad_quantity(std::string_view text, std::string_view form) {
  return Error(ErrorCode::kInvalidArgument,
               "\"" + excerpt(text) + "\" is not a quantity; " + std::string(form));
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// The exponent of "e3" or "E-3", the whole of `text`; nullopt where it is none.
std::optional<int> read_exponent(std::string_view text) {
  if (text.size() < 2 || (text[0] != 'e' && text[0] != 'E')) return std::nullopt;
  text.remove_prefix(1);
  if (text.starts_with("+-")) return std::nullopt;
  if (text[0] == '+') text.remove_prefix(1);
  int exponent = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), exponent);
  if (code != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (exponent > kMaxExponent || exponent < -kMaxExponent) return std::nullopt;
  return exponent;
}

std::optional<long double> factor_of(std::string_view suffix) {
  for (const Unit& unit : kUnits) {
    if (unit.suffix == suffix) return unit.factor;
  }
  if (const std::optional<int> exponent = read_exponent(suffix)) {
    return std::pow(10.0L, static_cast<long double>(*exponent));
  }
  return std::nullopt;
}

// Digits as one integer over a power of ten, so that "1.1G" is exactly 1100000000.
std::optional<long double> parse_quantity(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  std::uint64_t digits = 0;
  int count = 0;
  int decimals = 0;
  bool point = false;
  std::size_t i = 0;
  for (; i < text.size() && (is_digit(text[i]) || (text[i] == '.' && !point)); ++i) {
    if (text[i] == '.') {
      point = true;
      continue;
    }
    if (++count > kMaxDigits) return std::nullopt;
    digits = digits * 10 + static_cast<std::uint64_t>(text[i] - '0');
    if (point) ++decimals;
  }
  const std::optional<long double> factor = factor_of(text.substr(i));
  if (count == 0 || !factor) return std::nullopt;
  const long double scale = std::pow(10.0L, static_cast<long double>(decimals));
  return static_cast<long double>(digits) * *factor / scale;
}

}  // namespace

double parse_cores(std::string_view text) {
  const std::optional<long double> value = parse_quantity(text);
  if (!value || *value > kMaxCores) throw bad_quantity(text, kCoresForm);
  return static_cast<double>(*value);
}

std::uint64_t parse_bytes(std::string_view text) {
  if (text.ends_with('m') || text.ends_with('u') || text.ends_with('n')) {
    throw bad_quantity(text, "\"m\" means thousandths; " + std::string(kBytesForm));
  }
  const std::optional<long double> value = parse_quantity(text);
  if (!value || *value > kMaxBytes) throw bad_quantity(text, kBytesForm);
  return static_cast<std::uint64_t>(std::ceil(*value));
}

std::string format_cores(double cores) {
  const auto thousandths = static_cast<std::uint64_t>(std::llround(cores * 1000));
  if (thousandths % 1000 == 0) return std::to_string(thousandths / 1000);
  return std::to_string(thousandths) + "m";
}

std::string format_bytes(std::uint64_t bytes) {
  static constexpr std::array<std::string_view, 7> kSuffixes = {"",   "Ki", "Mi", "Gi",
                                                                "Ti", "Pi", "Ei"};
  std::size_t unit = 0;
  while (bytes != 0 && bytes % 1024 == 0 && unit + 1 < kSuffixes.size()) {
    bytes /= 1024;
    ++unit;
  }
  return std::to_string(bytes) + std::string(kSuffixes[unit]);
}

std::string readable_bytes(std::uint64_t bytes) {
  constexpr std::uint64_t kMiB = 1u << 20;
  constexpr double kGiB = 1024.0 * static_cast<double>(kMiB);
  if (bytes < 1024 * kMiB) return std::to_string((bytes + kMiB - 1) / kMiB) + " MiB";
  std::array<char, 48> buffer{};
  std::snprintf(buffer.data(), buffer.size(), "%.1f GiB", static_cast<double>(bytes) / kGiB);
  return buffer.data();
}

}  // namespace nestvec
