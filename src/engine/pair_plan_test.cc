// SPDX-License-Identifier: Apache-2.0
// Pairs that are too long against what Hugging Face tokenizers keeps of them
// (tests/data/tokenizer/README.md), and documents in windows.
#include "engine/pair_plan.h"

#include <gtest/gtest.h>

#include <numeric>
#include <string>
#include <vector>

#include "nestvec/error.h"
#include "support/error_of.h"
#include "support/folders.h"
#include "support/jsonl_gz.h"

namespace nestvec {
namespace {

std::size_t count_at(const JsonValue& record, std::string_view key) {
  return static_cast<std::size_t>(record.at(key).integer());
}

void check_cut(const JsonValue& record) {
  const PairTokens counts{count_at(record, "first"), count_at(record, "second")};
  PairLimits limits{count_at(record, "max_tokens"), count_at(record, "added")};
  if (record.at("rule").string() == "only_second") limits.rule = PairTruncation::kOnlySecond;
  const auto kept = record.find("kept");
  if (!kept) {
    EXPECT_THROW(plan_pair(counts, limits, 3), Error);
    return;
  }
  const std::vector<JsonValue> sides = kept->elements();
  const PairTokens plan = plan_pair(counts, limits, 3);
  EXPECT_EQ(plan.first, static_cast<std::size_t>(sides.at(0).integer()));
  EXPECT_EQ(plan.second, static_cast<std::size_t>(sides.at(1).integer()));
}

TEST(PairPlan, KeepsWhatTheReferenceKeeps) {
  std::size_t records = 0;
  for_each_record(test_data() + "/tokenizer/pair_cuts.jsonl.gz", [&](const JsonValue& record) {
    SCOPED_TRACE("line " + std::to_string(++records));
    check_cut(record);
  });
  EXPECT_GT(records, 3000U);
}

ErrorCode code_of_plan(const PairTokens& counts, const PairLimits& limits) {
  try {
    plan_pair(counts, limits, 7);
  } catch (const Error& error) {
    return error.code();
  }
  return ErrorCode::kInternal;
}

TEST(PairPlan, SaysWhyAPairIsRefused) {
  const PairLimits only{10, 3, PairTruncation::kOnlySecond};
  EXPECT_EQ(error_of([&] { plan_pair({7, 2}, only, 7); }),
            "pair 7: its first text has 7 tokens, which leaves no room for the second among 7; "
            "shorten it, or let the longer text be cut (longest_first)");
  EXPECT_EQ(code_of_plan({7, 2}, only), ErrorCode::kInvalidArgument);
  PairLimits strict{10, 3};
  strict.refuse = true;
  EXPECT_EQ(error_of([&] { plan_pair({5, 3}, strict, 7); }, ErrorCode::kOutOfRange),
            "pair 7 has 11 tokens with special tokens, the model takes 10; shorten it, or allow "
            "truncation");
  EXPECT_EQ(code_of_plan({5, 3}, strict), ErrorCode::kOutOfRange);
  EXPECT_EQ(plan_pair({4, 3}, strict, 7), (PairTokens{4, 3}));
  EXPECT_EQ(error_of([] { plan_pair({1, 1}, {2, 3}, 0); }),
            "a pair may have 2 tokens, which is less than the 3 special tokens that are added");
}

TEST(PairPlan, KeepsTheSideThatIsAskedFor) {
  const std::vector<std::uint32_t> ids = {1, 2, 3, 4};
  const auto kept = [&](std::size_t count, Truncation side) {
    const auto part = kept_tokens(ids, count, side);
    return std::vector<std::uint32_t>(part.begin(), part.end());
  };
  EXPECT_EQ(kept(3, Truncation::kRight), (std::vector<std::uint32_t>{1, 2, 3}));
  EXPECT_EQ(kept(3, Truncation::kLeft), (std::vector<std::uint32_t>{2, 3, 4}));
  EXPECT_TRUE(kept(0, Truncation::kLeft).empty());
}

using Windows = std::vector<DocumentWindow>;

TEST(PairWindows, OverlapByAQuarter) {
  const PairLimits limits{20, 4};  // room for 16
  const WindowPlan plan = plan_windows({4, 40}, limits);
  EXPECT_EQ(plan.query, 4U);
  EXPECT_EQ(plan.windows, (Windows{{0, 12}, {9, 21}, {18, 30}, {27, 39}, {28, 40}}));
  EXPECT_EQ(plan_windows({4, 12}, limits).windows, (Windows{{0, 12}}));
  EXPECT_EQ(plan_windows({4, 13}, limits).windows, (Windows{{0, 12}, {1, 13}}));
  EXPECT_EQ(plan_windows({15, 0}, limits).windows, (Windows{{0, 0}}));
  EXPECT_EQ(plan_windows({15, 1}, limits).query, 15U);
}

TEST(PairWindows, LeaveAQuarterOfTheRoomToTheDocument) {
  const PairLimits limits{20, 4};
  EXPECT_EQ(plan_windows({15, 2}, limits).query, 12U);
  EXPECT_EQ(plan_windows({100, 6}, limits).query, 12U);
  EXPECT_EQ(plan_windows({100, 6}, limits).windows, (Windows{{0, 4}, {2, 6}}));
  EXPECT_EQ(plan_windows({100, 0}, limits).windows, (Windows{{0, 0}}));
  EXPECT_EQ(plan_windows({3, 2}, {5, 4}).windows, (Windows{{0, 1}, {1, 2}}));
  EXPECT_EQ(error_of([] { plan_windows({1, 1}, {4, 4}); }),
            "a pair may have 4 tokens, which leaves no room for a document");
}

// Every token of the document is in a window, and none is read too often.
TEST(PairWindows, CoverTheDocumentAtABoundedCost) {
  for (std::size_t room = 1; room < 40; ++room) {
    for (std::size_t query = 0; query < 50; query += 7) {
      for (std::size_t document = 0; document < 120; ++document) {
        const WindowPlan plan = plan_windows({query, document}, {room + 3, 3});
        std::size_t covered = 0;
        std::size_t tokens = 0;
        for (const DocumentWindow& window : plan.windows) {
          ASSERT_LE(window.begin, covered);
          ASSERT_LE(window.end - window.begin + plan.query, room);
          covered = window.end;
          tokens += window.end - window.begin + plan.query;
        }
        ASSERT_EQ(covered, document);
        ASSERT_LE(tokens, 6 * (query + document) + room) << room << " " << query << " " << document;
      }
    }
  }
}

}  // namespace
}  // namespace nestvec
