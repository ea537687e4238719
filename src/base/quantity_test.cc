// SPDX-License-Identifier: Apache-2.0
#include "base/quantity.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "nestvec/error.h"
#include "support/error_of.h"

namespace nestvec {
namespace {

std::string cores_error(const std::string& text) {
  return error_of([&] { parse_cores(text); });
}

std::string bytes_error(const std::string& text) {
  return error_of([&] { parse_bytes(text); });
}

TEST(Quantity, Cores) {
  const std::vector<std::pair<const char*, double>> cases = {
      {"2", 2},      {"500m", 0.5}, {"1.5", 1.5},     {"0.1", 0.1}, {"1500m", 1.5},
      {"+2", 2},     {"2.", 2},     {".5", 0.5},      {"1e1", 10},  {"1E1", 10},
      {"5e-1", 0.5}, {"0", 0},      {"100000u", 0.1}, {"1k", 1000}, {"250m", 0.25}};
  for (const auto& [text, value] : cases) EXPECT_DOUBLE_EQ(parse_cores(text), value) << text;
}

TEST(Quantity, Bytes) {
  const std::vector<std::pair<const char*, std::uint64_t>> cases = {
      {"5Gi", 5368709120u},
      {"512Mi", 536870912u},
      {"1Ki", 1024u},
      {"1k", 1000u},
      {"1M", 1000000u},
      {"1.1G", 1100000000u},  // in binary floating point a little more, which must not round up
      {"1.5Gi", 1610612736u},
      {"0.1Gi", 107374183u},  // 107374182.4
      {"1e3", 1000u},
      {"12E2", 1200u},
      {"1E", 1000000000000000000u},
      {"1Ei", 1152921504606846976u},
      {"1T", 1000000000000u},
      {"2Ti", 2199023255552u},
      {"3P", 3000000000000000u},
      {"1Pi", 1125899906842624u},
      {"5368709120", 5368709120u},
      {"0", 0u},
      {"0.5", 1u},
  };
  for (const auto& [text, value] : cases) EXPECT_EQ(parse_bytes(text), value) << text;
}

TEST(Quantity, RefusesWhatKubernetesRefuses) {
  for (const char* text : {"",      ".",
                           "-1",    "2 cores",
                           " 2",    "2 ",
                           "1.2.3", "0x10",
                           "inf",   "nan",
                           "1e",    "1e3Ki",
                           "1e1.5", "5gi",
                           "5GI",   "5K",
                           "m",     "1e999",
                           "1,5",   "++2",
                           "1e+-3", "99999999999999999999",
                           "5Gib",  "1_000"}) {
    EXPECT_NE(bytes_error(text), "") << text;
    EXPECT_NE(cores_error(text), "") << text;
  }
  EXPECT_NE(bytes_error("9Ei"), "");
  EXPECT_NE(cores_error("10M"), "");
}

TEST(Quantity, ErrorsSayWhatIsAllowed) {
  EXPECT_EQ(cores_error("two"),
            "\"two\" is not a quantity; expected cores such as \"2\", \"1.5\" or \"500m\"");
  EXPECT_NE(bytes_error("5GB").find("such as \"5Gi\""), std::string::npos);
  EXPECT_NE(bytes_error("512m").find("\"m\" means thousandths"), std::string::npos);
  EXPECT_LT(bytes_error(std::string(5000, 'x')).size(), 250u);
}

TEST(Quantity, FormatReadsBack) {
  for (const char* text : {"500m", "2", "1500m", "0"}) {
    EXPECT_EQ(format_cores(parse_cores(text)), text);
  }
  for (const char* text : {"5Gi", "512Mi", "1000", "0", "1Ei", "1025"}) {
    EXPECT_EQ(format_bytes(parse_bytes(text)), text);
  }
  EXPECT_EQ(readable_bytes(5368709120), "5.0 GiB");
  EXPECT_EQ(readable_bytes(1), "1 MiB");
  EXPECT_EQ(readable_bytes(90u << 20), "90 MiB");
}

}  // namespace
}  // namespace nestvec
