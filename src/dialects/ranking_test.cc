// SPDX-License-Identifier: Apache-2.0
#include "dialects/ranking.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

#include "base/json.h"
#include "nestvec/error.h"

namespace nestvec {
namespace {

using Places = std::vector<std::size_t>;

TEST(Ranking, BestFirstAndTiesAsAsked) {
  const std::vector<float> scores = {0.5F, 0.9F, 0.5F, -1.0F, 0.9F};
  EXPECT_EQ(ranking_of(scores, Ties::kFirst), (Places{1, 4, 0, 2, 3}));
  EXPECT_EQ(ranking_of(scores, Ties::kLast), (Places{4, 1, 2, 0, 3}));
  EXPECT_TRUE(ranking_of({}, Ties::kFirst).empty());
}

TEST(Ranking, AScoreThatIsNoneIsAnError) {
  for (const float wrong :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    const std::vector<float> scores = {0.5F, wrong};
    EXPECT_THROW(ranking_of(scores, Ties::kFirst), Error);
  }
}

TEST(Ranking, JsonSizeIsThatOfTheString) {
  for (const std::string text : {"", "plain", "a \"quoted\" \\ one", "h\xC3\xA9", "\x01\x1f\n\t"}) {
    std::string json;
    append_json_string(text, json);
    EXPECT_GE(json_size(text), json.size()) << text;
    EXPECT_LE(json_size(text), json.size() + 4 * text.size()) << text;
  }
}

}  // namespace
}  // namespace nestvec
