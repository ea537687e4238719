// SPDX-License-Identifier: Apache-2.0
#include "cli/storage.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "cli/exit_code.h"
#include "support/checkpoint.h"
#include "support/error_of.h"
#include "support/run_command.h"

namespace nestvec {
namespace {

TEST(Storage, AgesAndSizes) {
  EXPECT_EQ(parse_age("90s").count(), 90);
  EXPECT_EQ(parse_age("12h").count(), 43'200);
  EXPECT_EQ(parse_age("30d").count(), 2'592'000);
  EXPECT_EQ(parse_age("2w").count(), 1'209'600);
  for (const char* text : {"", "d", "30", "30 d", "-1d", "1.5d", "30days", "99999999999999d"}) {
    EXPECT_NE(error_of([&] { parse_age(text); }).find("such as 12h, 30d or 4w"), std::string::npos)
        << text;
  }
  EXPECT_EQ(parse_size("10GiB"), 10ULL << 30);
  EXPECT_EQ(parse_size("10Gi"), 10ULL << 30);
  EXPECT_EQ(parse_size("5MB"), 5'000'000u);
  EXPECT_EQ(parse_size("0"), 0u);
  for (const char* text : {"B", "ten", "10GiBB"}) {
    EXPECT_NE(error_of([&] { parse_size(text); }), "") << text;
  }
}

TEST(Storage, TimesAsText) {
  const WallTime time = std::chrono::system_clock::from_time_t(1'796'000'000);
  EXPECT_EQ(utc_text(time), "2026-11-30T00:53:20Z");
  EXPECT_EQ(age_text(time, time), "today");
  EXPECT_EQ(age_text(time - std::chrono::hours(47), time), "yesterday");
  EXPECT_EQ(age_text(time - std::chrono::hours(48), time), "2 days ago");
  EXPECT_EQ(age_text(time + std::chrono::hours(1), time), "today");
}

TEST(Storage, TheLicenceIsWhatTheFolderSays) {
  const TemporaryFolder folder;
  const auto with = [&](const char* name, const std::string& text) {
    std::filesystem::remove_all(folder / "m");
    write_text(folder / "m" / name, text);
    return licence_of((folder / "m").string());
  };
  EXPECT_EQ(with("README.md", "---\ntags: [a]\nlicense: CC-BY-NC-4.0\n---\n# M\n"), "cc-by-nc-4.0");
  EXPECT_EQ(with("README.md", "---\r\nlicense: \"mit\"\r\n---\r\n"), "mit");
  EXPECT_EQ(with("README.md", "# M\nlicense: mit\n"), "");
  EXPECT_EQ(with("README.md", "---\na: b\n---\nlicense: mit\n"), "");
  EXPECT_EQ(with("LICENSE", "\n      Apache License\n  Version 2.0"), "apache-2.0");
  EXPECT_EQ(with("LICENSE", "Terms of mine"), "");
  EXPECT_EQ(with("config.json", "{}"), "");
}

TEST(Storage, BytesAreCountedOnceAndThroughLinks) {
  const TemporaryFolder folder;
  write_text(folder / "blobs/a", "12345");
  write_text(folder / "m/b/c", "123");
  std::filesystem::create_symlink(folder / "blobs/a", folder / "m/one");
  std::filesystem::create_symlink(folder / "blobs/a", folder / "m/two");
  std::filesystem::create_symlink(folder / "none", folder / "m/broken");
  EXPECT_EQ(bytes_below((folder / "m").string()), 8u);
}

TEST(List, ShowsNamesTablesAndJson) {
  const TemporaryFolder home;
  const std::map<std::string, std::string> variables = {{"HOME", (home / "").string()}};
  const Outcome none = run({"list"}, "", false, variables);
  EXPECT_EQ(none.code, kExitOk);
  EXPECT_EQ(none.out, "");
  EXPECT_NE(none.err.find("nestvec pull OWNER/NAME"), std::string::npos);
  EXPECT_EQ(run({"list", "--json"}, "", false, variables).out, "{\"models\":[]}\n");
  const std::filesystem::path model = home / ".cache/nestvec/models/small";
  for (const char* name : {"config.json", "tokenizer.json", "model.safetensors"}) {
    write_text(model / name, "{}");
  }
  write_text(model / "README.md", "---\nlicense: mit\n---\n");
  EXPECT_EQ(run({"list", "-q"}, "", false, variables).out, "small\n");
  const std::string table = run({"list"}, "", false, variables).out;
  EXPECT_EQ(table,
            "MODEL  SIZE  COMPILED  USED  LICENCE\n"
            "small  27 B  -         -     mit\n");
  const std::string json = run({"list", "--json"}, "", false, variables).out;
  EXPECT_NE(json.find("\"name\":\"small\""), std::string::npos) << json;
  EXPECT_NE(json.find("\"bytes\":27,\"compiled\":[],\"used\":null,\"licence\":\"mit\""),
            std::string::npos)
      << json;
}

}  // namespace
}  // namespace nestvec
