// SPDX-License-Identifier: Apache-2.0
#include "base/content_hash.h"

#include <gtest/gtest.h>

#include <string_view>

namespace nestvec {
namespace {

std::string hash(ContentHash running, std::string_view text) {
  running.update(std::as_bytes(std::span(text)));
  return running.finish();
}

// FIPS 180-2, B.1 and the empty message.
TEST(ContentHash, Sha256) {
  EXPECT_EQ(hash(ContentHash::sha256(), "abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hash(ContentHash::sha256(), ""),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

// `git hash-object` of the empty file and of "hello\n".
TEST(ContentHash, GitBlob) {
  EXPECT_EQ(hash(ContentHash::git_blob(0), ""), "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391");
  EXPECT_EQ(hash(ContentHash::git_blob(6), "hello\n"), "ce013625030ba8dba906f756967f9e9ca394464a");
}

TEST(ContentHash, PiecesCountAsTheWhole) {
  ContentHash running = ContentHash::sha256();
  for (const char c : std::string("abc")) running.update(std::as_bytes(std::span(&c, 1)));
  EXPECT_EQ(running.finish(), hash(ContentHash::sha256(), "abc"));
}

TEST(ContentHash, TheBytesAreThoseOfTheDigits) {
  ContentHash hash = ContentHash::sha256();
  hash.update("abc");
  EXPECT_EQ(hash.finish_bytes()[0], 0xba);
  EXPECT_EQ(sha256_hex("abc").substr(0, 4), "ba78");
}

}  // namespace
}  // namespace nestvec
