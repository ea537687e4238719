// SPDX-License-Identifier: Apache-2.0
#include "nestvec/error.h"

#include <gtest/gtest.h>

#include <string>

namespace nestvec {
namespace {

TEST(ErrorTest, SaysWhatHappened) {
  const Error error(ErrorCode::kDataLoss, "a.json:3: not JSON", {.text = 7});
  EXPECT_STREQ(error.what(), "a.json:3: not JSON");
  EXPECT_EQ(error.code(), ErrorCode::kDataLoss);
  EXPECT_EQ(error.detail().text, 7U);
  EXPECT_EQ(error_code_name(error.code()), "DATA_LOSS");
}

// A copy that goes to another thread shares nothing with the one that stays.
TEST(ErrorTest, CopiesOwnTheirText) {
  const Error error(ErrorCode::kInternal, std::string(100, 'x'));
  const Error copy = error;  // NOLINT(performance-unnecessary-copy-initialization): it is the test
  EXPECT_STREQ(copy.what(), error.what());
  EXPECT_NE(copy.what(), error.what());

  const Result<int> result(error);
  EXPECT_NE(result.error().what(), error.what());
}

}  // namespace
}  // namespace nestvec
