// SPDX-License-Identifier: Apache-2.0
#include "hub/repo_info.h"

#include <gtest/gtest.h>

#include "nestvec/error.h"

namespace nestvec {
namespace {

const std::string kRepoCommit(40, 'a');
const std::string kBlob = "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391";
const std::string kSha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

RepoInfo parse(const std::string& siblings, const std::string& rest = "") {
  return parse_repo_info(
      R"({"sha": ")" + kRepoCommit + R"(", "siblings": [)" + siblings + "]" + rest + "}",
      "the test");
}

TEST(RepoInfo, ReadsSmallFilesAndLfsFiles) {
  const RepoInfo info =
      parse(R"({"rfilename": "config.json", "size": 7, "blobId": ")" + kBlob +
            R"("}, {"rfilename": "a/model.safetensors", "size": 9, "blobId": ")" + kBlob +
            R"(", "lfs": {"sha256": ")" + kSha256 + R"(", "size": 900, "pointerSize": 134}})");
  EXPECT_EQ(info.commit, kRepoCommit);
  ASSERT_EQ(info.files.size(), 2u);
  EXPECT_EQ(info.files[0].path, "config.json");
  EXPECT_EQ(info.files[0].size, 7u);
  EXPECT_EQ(info.files[0].etag(), kBlob);
  EXPECT_EQ(info.files[1].size, 900u);
  EXPECT_EQ(info.files[1].etag(), kSha256);
}

TEST(RepoInfo, AFileWithoutSizeOrHashHasNoEtag) {
  const RepoInfo info = parse(R"({"rfilename": "a"}, {"rfilename": "b", "blobId": ")" + kBlob +
                              R"("}, {"rfilename": "c", "size": 1, "blobId": ")" + kBlob +
                              R"(", "lfs": {"pointerSize": 1}})");
  ASSERT_EQ(info.files.size(), 3u);
  for (const RepoFile& file : info.files) EXPECT_EQ(file.etag(), "") << file.path;
}

TEST(RepoInfo, ReadsTheLicence) {
  EXPECT_EQ(parse("").license, "");
  EXPECT_EQ(
      parse("", R"(, "cardData": {"license": "mit"}, "tags": ["license:apache-2.0"])").license,
      "mit");
  EXPECT_EQ(parse("", R"(, "cardData": null, "tags": ["x", 3, "license:cc-by-nc-4.0"])").license,
            "cc-by-nc-4.0");
  EXPECT_EQ(parse("", R"(, "cardData": {"license": ["mit"]}, "tags": {})").license, "");
  EXPECT_EQ(parse("", R"(, "cardData": {"license": "\u001b[31mred"})").license, "?[31mred");
}

TEST(RepoInfo, RefusesWhatIsNoAnswerOfAHub) {
  EXPECT_THROW(parse_repo_info("<html>", "the test"), Error);
  EXPECT_THROW(parse_repo_info("{}", "the test"), Error);
  EXPECT_THROW(parse_repo_info(R"({"sha": "../x", "siblings": []})", "the test"), Error);
  EXPECT_THROW(parse_repo_info(R"({"sha": ")" + kRepoCommit + R"("})", "the test"), Error);
  EXPECT_THROW(parse(R"({"size": 1})"), Error);
  EXPECT_THROW(parse(R"({"rfilename": "a", "size": -1})"), Error);
  EXPECT_THROW(parse(R"({"rfilename": "a", "blobId": "../../x"})"), Error);
  EXPECT_THROW(parse(R"({"rfilename": "a", "lfs": {"sha256": "E3"}})"), Error);
  EXPECT_THROW(parse(R"({"rfilename": "a"}, {"rfilename": "a"})"), Error);
}

TEST(FilePath, TakesOrdinaryNames) {
  for (const char* path : {"config.json", "1_Pooling/config.json", "a/b/c/d", "..a", "a..",
                           ".gitattributes", "a b", "\xc3\xa9.json", "C:x"}) {
    EXPECT_NO_THROW(check_file_path(path, "the test")) << path;
  }
  EXPECT_NO_THROW(check_file_path(std::string(255, 'x'), "the test"));
}

TEST(FilePath, RefusesWhatLeavesTheFolder) {
  for (const std::string& path :
       {std::string(""), std::string("/a"), std::string(".."), std::string("."),
        std::string("../a"), std::string("a/.."), std::string("a/../b"), std::string("a/./b"),
        std::string("a//b"), std::string("a/"), std::string("a\\b"), std::string("..\\b"),
        std::string("a\nb"), std::string("a\0b", 3), std::string("\x7f"), std::string(256, 'x'),
        std::string("a/") + std::string(256, 'x')}) {
    EXPECT_THROW(check_file_path(path, "the test"), Error) << path;
  }
  std::string deep = "a";
  while (deep.size() < 4001) deep += "/a";
  EXPECT_THROW(check_file_path(deep, "the test"), Error);
}

TEST(Licence, NonCommercialIsTheCcByNcFamily) {
  for (const char* license :
       {"cc-by-nc-4.0", "CC-BY-NC-4.0", "cc-by-nc-sa-3.0", "cc-by-nc-nd-4.0"}) {
    EXPECT_TRUE(is_non_commercial(license)) << license;
  }
  for (const char* license : {"", "cc-by-4.0", "cc-by-n", "apache-2.0", "mit", "cc-by-sa-4.0"}) {
    EXPECT_FALSE(is_non_commercial(license)) << license;
  }
}

}  // namespace
}  // namespace nestvec
