// SPDX-License-Identifier: Apache-2.0
#include "base/keyed_hash.h"

#include <gtest/gtest.h>

#include <string>

namespace nestvec {
namespace {

// The bytes 0, 1, 2, ...
std::string counted(std::size_t length) {
  std::string bytes;
  for (std::size_t i = 0; i < length; ++i) bytes.push_back(static_cast<char>(i));
  return bytes;
}

// The paper's key, and its example of fifteen bytes.
TEST(KeyedHash, IsSipHash) {
  const KeyedHash hash(KeyedHash::Key{0x0706050403020100, 0x0f0e0d0c0b0a0908});
  EXPECT_EQ(hash(counted(15)), 0xa129ca6149be45e5u);
  EXPECT_EQ(hash(""), 0x726fdb47dd0e0e31u);
  EXPECT_NE(hash(counted(8)), hash(counted(9)));
  EXPECT_NE(hash(std::string(8, '\0')), hash(std::string(9, '\0')));
}

TEST(KeyedHash, EachHasAKeyOfItsOwn) {
  const KeyedHash one;
  const KeyedHash another;
  EXPECT_NE(one("text"), another("text"));
  EXPECT_EQ(one("text"), KeyedHash(one)("text"));
}

}  // namespace
}  // namespace nestvec
