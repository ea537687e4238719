// SPDX-License-Identifier: Apache-2.0
#include "service/http_message.h"

#include <gtest/gtest.h>

namespace nestvec {
namespace {

TEST(HttpRequest, FindsTheFirstValueOfAHeader) {
  HttpRequest request;
  request.headers = {{"accept", "a"}, {"x-one", "1"}, {"x-one", "2"}};
  EXPECT_EQ(request.header("x-one"), "1");
  EXPECT_EQ(request.header("X-One"), std::nullopt);
}

}  // namespace
}  // namespace nestvec
