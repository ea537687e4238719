// SPDX-License-Identifier: Apache-2.0
// Rates and remaining time are of this process, counts of the whole output.
#include "bulk/bulk_progress.h"

#include <gtest/gtest.h>

#include <string>

#include "base/json.h"

namespace nestvec {
namespace {

BulkProgress sample() {
  BulkProgress progress;
  progress.counts = {12'000, 11'997, 3, 5, 0, 1'500'000};
  progress.before = {2'000, 2'000, 0, 0, 0, 500'000};
  progress.seconds = 20;
  progress.bytes_before = 1000;
  progress.bytes_done = 3000;
  progress.bytes_total = 7000;
  return progress;
}

TEST(BulkProgress, Text) {
  EXPECT_EQ(progress_text(sample()),
            "42%  12,000 texts  500 texts/s  50,000 tokens/s  0:40 left  3 bad");
  EXPECT_EQ(summary_text(sample()),
            "12,000 texts, 1,500,000 tokens in 0:20 (500 texts/s, 50,000 tokens/s), 2,000 of an "
            "earlier run, 5 seen before, 3 bad");
  BulkProgress unknown = sample();
  unknown.bytes_total = 0;
  unknown.seconds = 40'000;
  unknown.counts.bad = 0;
  EXPECT_EQ(progress_text(unknown), "12,000 texts  0.2 texts/s  25 tokens/s");
  EXPECT_EQ(progress_text(BulkProgress()), "0 texts  0.0 texts/s  0.0 tokens/s");
}

TEST(BulkProgress, Json) {
  const JsonDocument document = JsonDocument::parse(progress_json(sample(), "done"), "line");
  EXPECT_EQ(document.root().at("event").string(), "done");
  EXPECT_EQ(document.root().at("rows").integer(), 12'000);
  EXPECT_EQ(document.root().at("resumed_rows").integer(), 2'000);
  EXPECT_DOUBLE_EQ(document.root().at("texts_per_second").number(), 500);
  EXPECT_DOUBLE_EQ(document.root().at("seconds_left").number(), 40);
  const JsonDocument empty = JsonDocument::parse(progress_json(BulkProgress(), "done"), "line");
  EXPECT_FALSE(empty.root().find("fraction"));
}

}  // namespace
}  // namespace nestvec
