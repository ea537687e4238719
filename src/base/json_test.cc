// SPDX-License-Identifier: Apache-2.0
#include "base/json.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>

#include "support/error_of.h"
#include "support/folders.h"

namespace nestvec {
namespace {

TEST(Json, ReadsValuesByPath) {
  const auto document =
      JsonDocument::parse(R"({"a": {"b": [1, 2.5, "x", true, null]}, "n": null})", "t.json");
  const JsonValue root = document.root();
  const std::vector<JsonValue> b = root.at("a").at("b").elements();
  ASSERT_EQ(b.size(), 5u);
  EXPECT_EQ(b[0].integer(), 1);
  EXPECT_EQ(b[0].number(), 1.0);
  EXPECT_EQ(b[1].number(), 2.5);
  EXPECT_EQ(b[2].string(), "x");
  EXPECT_TRUE(b[3].boolean());
  EXPECT_TRUE(b[4].is_null());
  EXPECT_FALSE(root.find("n"));
  EXPECT_FALSE(root.find("absent"));
  EXPECT_EQ(root.members().at(0).first, "a");
}

TEST(Json, OfMembersOfOneNameTheLastCounts) {
  const auto document = JsonDocument::parse(
      R"({"act": "gelu", "b": 1, "act": "relu", "gone": 1, "gone": null})", "t.json");
  const JsonValue root = document.root();
  EXPECT_EQ(root.at("act").string(), "relu");
  EXPECT_FALSE(root.find("gone"));
  const auto members = root.members();
  ASSERT_EQ(members.size(), 3u);
  EXPECT_EQ(members[0].first, "act");
  EXPECT_EQ(members[0].second.string(), "relu");
  EXPECT_EQ(members[1].first, "b");
  EXPECT_TRUE(members[2].second.is_null());
}

TEST(Json, ErrorsSayWhereAndWhat) {
  const auto document = JsonDocument::parse(R"({"a": {"b": [1, "x"]}})", "t.json");
  const JsonValue root = document.root();
  EXPECT_EQ(error_of([&] { root.at("a").at("c"); }), "t.json: a: \"c\" is missing");
  EXPECT_EQ(error_of([&] { root.at("a").at("b").elements()[1].integer(); }),
            "t.json: a.b[1]: expected an integer, found a string");
  EXPECT_EQ(error_of([&] { root.at("a").string(); }),
            "t.json: a: expected a string, found an object");
  EXPECT_EQ(error_of([&] { root.at("a").at("b").elements()[0].at("z"); }),
            "t.json: a.b[0]: expected an object, found an integer");
}

TEST(Json, MalformedTextIsAnErrorWithItsName) {
  for (const std::string text : {"", "{", "[1,]", "{\"a\":}", "nul", "1 2", "\"\x01\""}) {
    EXPECT_NE(error_of([&] { JsonDocument::parse(text, "t.json"); }).find("t.json: not valid JSON"),
              std::string::npos)
        << text;
  }
  EXPECT_NE(error_of([] { JsonDocument::parse(std::string(100000, '['), "deep"); }).find("deep:"),
            std::string::npos);
}

TEST(Json, LoneSurrogatesAndBrokenUtf8BecomeReplacements) {
  const auto text_of = [](std::string_view json) {
    const auto document = JsonDocument::parse(json, "t");
    return std::string(document.root().string());
  };
  EXPECT_EQ(text_of(R"("a\ud800b")"),
            "a\xEF\xBF\xBD"
            "b");
  EXPECT_EQ(text_of(R"("\udc00")"), "\xEF\xBF\xBD");
  EXPECT_EQ(text_of(R"("\ud800\ud83d\ude00")"), "\xEF\xBF\xBD\xF0\x9F\x98\x80");
  EXPECT_EQ(text_of(R"("\\ud800")"), "\\ud800");
  EXPECT_EQ(text_of(R"("\\\ud800")"), "\\\xEF\xBF\xBD");
  EXPECT_EQ(text_of("\"\xFF\""), "\xEF\xBF\xBD");
  EXPECT_EQ(text_of(R"("a\u0000b")"), std::string("a\0b", 3));
}

TEST(Json, StringsReadBackAsWritten) {
  std::string every;
  for (int c = 0; c < 128; ++c) every.push_back(static_cast<char>(c));
  every += "\xC3\xA9\xF0\x9F\x98\x80";
  std::string json;
  append_json_string(every, json);
  const auto document = JsonDocument::parse(json, "t");
  EXPECT_EQ(document.root().string(), every);
}

TEST(Json, NumbersReadBackToTheSameFloat) {
  std::mt19937 random(1);
  for (int i = 0; i < 100000; ++i) {
    const float value = std::bit_cast<float>(static_cast<std::uint32_t>(random()));
    if (!std::isfinite(value)) continue;
    for (const int digits : {0, 9}) {
      std::string json;
      append_json_number(value, json, digits);
      ASSERT_EQ(std::strtof(json.c_str(), nullptr), value) << json;
    }
  }
}

TEST(Json, WholeNumbersMayBeWrittenWithAFraction) {
  const JsonDocument document =
      JsonDocument::parse("[8, 8.0, -2e1, 8.5, 9007199254740992.0, \"8\", null, 1e300]", "text");
  std::vector<std::optional<std::int64_t>> whole;
  for (const JsonValue& value : document.root().elements()) whole.push_back(value.whole_number());
  const std::vector<std::optional<std::int64_t>> expected = {
      8, 8, -20, std::nullopt, std::nullopt, std::nullopt, std::nullopt, std::nullopt};
  EXPECT_EQ(whole, expected);
}

TEST(Json, IntegersBeyond64BitsBecomeDoubles) {
  const std::string text =
      R"({"a": -4072195821974919494199385522176, "4072195821974919494199385522176 \"7": )"
      R"([123456789012345678901234567890, 1234567890123456789], "s": "\ud800 99999999999999999999"})";
  const JsonDocument document = JsonDocument::parse(text, "text");
  EXPECT_DOUBLE_EQ(document.root().at("a").number(), -4072195821974919494199385522176.0);
  EXPECT_EQ(document.root().at("s").string(), "\xEF\xBF\xBD 99999999999999999999");
  const JsonValue list = document.root().at("4072195821974919494199385522176 \"7");
  EXPECT_DOUBLE_EQ(list.elements()[0].number(), 123456789012345678901234567890.0);
  EXPECT_EQ(list.elements()[1].kind(), JsonValue::Kind::kInteger);
  EXPECT_THROW(JsonDocument::parse("[00000000000000000000001]", "text"), Error);
}

TEST(Json, FilesMayHaveThePythonSpellingsOfNumbers) {
  const std::filesystem::path path = std::filesystem::path(test_build()) / "python.json";
  std::filesystem::create_directories(path.parent_path());
  const auto load = [&](const std::string& text) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
    return JsonDocument::load(path.string());
  };
  const JsonDocument document =
      load(R"({"a": Infinity, "b": [-Infinity, NaN], "NaN \" Infinity": "NaN, Infinity"})");
  const JsonValue root = document.root();
  EXPECT_GT(root.at("a").number(), 1e300);
  EXPECT_LT(root.at("b").elements()[0].number(), -1e300);
  EXPECT_NE(error_of([&] { root.at("b").elements()[1].number(); }).find("b[1]: expected a number"),
            std::string::npos);
  EXPECT_EQ(root.at("NaN \" Infinity").string(), "NaN, Infinity");
  EXPECT_THROW(load(R"({"a": Infinite})"), Error);
  EXPECT_THROW(JsonDocument::parse(R"({"a": NaN})", "a request"), Error);
}

// One look at each digit is a matter of milliseconds, one at all of the rest for each of days.
TEST(Json, ALongTextOfDigitsBesideALargeIntegerIsReadOnce) {
  const std::string digits(std::size_t{16} << 20, '7');
  const JsonDocument document =
      JsonDocument::parse("[123456789012345678901234567890, \"" + digits + "\"]", "text");
  EXPECT_EQ(document.root().elements()[1].string(), digits);
  EXPECT_THROW(JsonDocument::parse("[123456789012345678901234567890, \"" + digits, "text"), Error);
}

}  // namespace
}  // namespace nestvec
