// SPDX-License-Identifier: Apache-2.0
#include "observe/trace.h"

#include <gtest/gtest.h>

namespace nestvec {
namespace {

const std::string kTrace = "4bf92f3577b34da6a3ce929d0e0e4736";
const std::string kParent = "00f067aa0ba902b7";

TEST(Traceparent, IsReadAsTheRecommendationHasIt) {
  const auto context = parse_traceparent("00-" + kTrace + "-" + kParent + "-01");
  ASSERT_TRUE(context);
  EXPECT_EQ(context->trace_id, kTrace);
  EXPECT_EQ(context->parent_id, kParent);
  for (const auto& [flags, sampled] :
       {std::pair{"00", false}, {"01", true}, {"02", false}, {"ff", true}, {"0e", false}}) {
    const auto flagged = parse_traceparent("00-" + kTrace + "-" + kParent + "-" + flags);
    ASSERT_TRUE(flagged) << flags;
    EXPECT_EQ(flagged->sampled, sampled) << flags;
  }
}

TEST(Traceparent, AnythingElseIsNone) {
  const std::string zeros(32, '0');
  for (const std::string& header :
       {std::string(), "00-" + kTrace + "-" + kParent, "00-" + kTrace + "-" + kParent + "-1",
        "00-" + kTrace + "-" + kParent + "-0g", "00-" + zeros + "-" + kParent + "-01",
        "00-" + kTrace + "-" + zeros.substr(16) + "-01", "ff-" + kTrace + "-" + kParent + "-01",
        "00-" + kTrace + "0" + kParent + "-01", "00-" + kTrace + "-" + kParent + "001",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-" + kParent + "-01",
        "00-" + kTrace + "-" + kParent + "-01-more"}) {
    EXPECT_FALSE(parse_traceparent(header)) << header;
  }
}

}  // namespace
}  // namespace nestvec
