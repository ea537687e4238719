// SPDX-License-Identifier: Apache-2.0
// What an older or newer nestvec compiled. tests/data/compiled-0.1.0 is a folder of that version.
#include <gtest/gtest.h>

#include "base/file.h"
#include "compile/artefact.h"
#include "compile/manifest.h"
#include "nestvec/version.h"
#include "support/error_of.h"
#include "support/folders.h"

namespace nestvec {
namespace {

const std::string kKept = test_data() + "/compiled-0.1.0";

std::string kept_manifest() { return read_file(kKept + "/nestvec.json", 1 << 20); }

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

std::string with_format(std::int64_t format) {
  return replaced(kept_manifest(), "\"format_version\": 4",
                  "\"format_version\": " + std::to_string(format));
}

TEST(Format, AFolderOfTheFirstVersionIsRead) {
  const Artefact artefact = open_artefact(kKept);
  EXPECT_EQ(artefact.layout, "packed");
  EXPECT_EQ(artefact.precision, "int8");
  EXPECT_EQ(artefact.spec.family, "bert");
}

TEST(Format, CountsAndTheVersionOfTheLibraryDoesNot) {
  for (const char* version : {"0.0.9", "0.2.0", "9.9"}) {
    const std::string json = replaced(kept_manifest(), "\"library_version\": \"0.1.0\"",
                                      "\"library_version\": \"" + std::string(version) + "\"");
    EXPECT_EQ(parse_manifest(json, "x").library_version, version);
  }
}

TEST(Format, ANewerOneIsAnErrorOfItsOwn) {
  const auto parse = [](const std::string& json) {
    try {
      parse_manifest(json, "folder/nestvec.json");
    } catch (const NewerFormat& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  const std::string error = parse(with_format(Manifest::kFormatVersion + 1));
  EXPECT_NE(error.find("folder/nestvec.json: "), std::string::npos) << error;
  EXPECT_NE(error.find("compiled in format " + std::to_string(Manifest::kFormatVersion + 1) +
                       " by nestvec 0.1.0, and nestvec " + kVersion + " reads formats "),
            std::string::npos)
      << error;
  EXPECT_NE(error.find("update nestvec"), std::string::npos) << error;
  // Whatever else it holds.
  EXPECT_NE(parse("{\"format_version\": 99}"), "");
}

TEST(Format, OneThatIsTooOldIsToBeCompiledAgain) {
  for (const std::int64_t format :
       {std::int64_t{-1}, std::int64_t{0}, Manifest::kOldestFormat - 1}) {
    const std::string error = coded_error_of([&] { parse_manifest(with_format(format), "x"); });
    EXPECT_TRUE(error.starts_with("FAILED_PRECONDITION")) << error;
    EXPECT_NE(error.find("; compile the model again"), std::string::npos) << error;
  }
}

// A classifier's head came with format 5.
TEST(Format, AHeadIsReadOrTheManifestIsDamaged) {
  EXPECT_FALSE(parse_manifest(kept_manifest(), "x").spec.head.any());
  const auto head_of = [](const std::string& head) {
    return parse_manifest(replaced(kept_manifest(),
                                   "\"vocabulary\":", "\"head\": " + head + ", \"vocabulary\":"),
                          "x")
        .spec.head;
  };
  EXPECT_EQ(head_of(R"({"classifier": {"activation": 4, "outputs": 3}})").classifier,
            (HeadSpec::Classifier{Activation::kTanh, 3}));
  EXPECT_FALSE(head_of("{}").any());
  for (const char* damaged :
       {R"({"classifier": {"activation": 9, "outputs": 3}})",
        R"({"classifier": {"activation": 4, "outputs": 0}})",
        R"({"classifier": {"activation": 4}})", R"({"classifier": 1})",
        R"({"token_weights": true})", R"({"token_weights": false, "token_vectors": 8})",
        R"({"token_weights": true, "token_vectors": 0})",
        R"({"token_weights": true, "token_vectors": 65537})",
        R"({"vocabulary": {"activation": 0, "pooling": 2, "scale": 0,)"
        R"( "tied": true}})",
        R"({"vocabulary": {"activation": 4, "pooling": 0, "scale": 0,)"
        R"( "tied": true}})",
        R"({"vocabulary": {"activation": 0, "pooling": 0, "scale": -1,)"
        R"( "tied": true}})",
        R"({"vocabulary": {"activation": 0, "pooling": 0, "scale": 0}})"}) {
    EXPECT_TRUE(coded_error_of([&] { head_of(damaged); }).starts_with("DATA_LOSS")) << damaged;
  }
}

}  // namespace
}  // namespace nestvec
