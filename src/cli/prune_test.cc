// SPDX-License-Identifier: Apache-2.0
#include "cli/prune.h"

#include <gtest/gtest.h>

namespace nestvec {
namespace {

using Kind = CacheEntry::Kind;
using std::chrono::hours;

const WallTime kNow = std::chrono::system_clock::from_time_t(1'800'000'000);

CacheEntry compiled(const std::string& path, int days, std::uint64_t bytes) {
  CacheEntry entry;
  entry.path = path;
  entry.used = kNow - hours(24 * days);
  entry.bytes = bytes;
  return entry;
}

std::vector<std::string> paths(const std::vector<Pruned>& chosen) {
  std::vector<std::string> names;
  for (const Pruned& pruned : chosen) names.push_back(pruned.path());
  return names;
}

std::vector<std::string> chosen(const std::vector<CacheEntry>& entries, const PruneRules& rules) {
  return paths(choose_pruned({.entries = entries, .partials = {}, .leftovers = {}}, rules, kNow,
                             [](const CacheEntry& entry) { return entry.path != "used"; }));
}

using Names = std::vector<std::string>;

TEST(Prune, WithoutRulesTakesWhatIsOfNoUse) {
  std::vector<CacheEntry> entries = {compiled("fine", 400, 1), compiled("damaged", 0, 1),
                                     compiled("newer", 0, 1),  compiled("half", 0, 1),
                                     compiled("lock", 0, 0),   compiled("used", 0, 1)};
  entries[1].problem = entries[2].problem = entries[5].problem = "it is so";
  entries[2].newer = true;
  entries[3].kind = Kind::kHalfMade;
  entries[4].kind = Kind::kLock;
  EXPECT_EQ(chosen(entries, {}), Names({"damaged", "half", "lock"}));
}

TEST(Prune, ByAgeTakesWhatWasNotUsedForLonger) {
  const std::vector<CacheEntry> entries = {compiled("young", 29, 1), compiled("limit", 30, 1),
                                           compiled("old", 31, 1), compiled("used", 99, 1)};
  EXPECT_EQ(chosen(entries, {.older_than = hours(24 * 30), .larger_than = {}}), Names({"old"}));
}

TEST(Prune, BySizeTakesTheLeastRecentlyUsedUntilTheRestFits) {
  const std::vector<CacheEntry> entries = {compiled("new", 1, 40), compiled("oldest", 9, 10),
                                           compiled("old", 5, 30), compiled("used", 99, 20)};
  EXPECT_EQ(chosen(entries, {.older_than = {}, .larger_than = 100}), Names());
  EXPECT_EQ(chosen(entries, {.older_than = {}, .larger_than = 99}), Names({"oldest"}));
  EXPECT_EQ(chosen(entries, {.older_than = {}, .larger_than = 70}), Names({"oldest", "old"}));
  EXPECT_EQ(chosen(entries, {.older_than = {}, .larger_than = 0}), Names({"oldest", "old", "new"}));
  EXPECT_EQ(chosen(entries, {.older_than = hours(24 * 7), .larger_than = 90}), Names({"oldest"}))
      << "what goes by age counts no more";
}

TEST(Prune, TakesDownloadsThatWereBrokenOff) {
  CacheContents contents;
  contents.partials = {
      {.repo = "a/b", .path = "/new", .lock = "/nonexistent", .bytes = 5, .written = kNow},
      {.repo = "a/b",
       .path = "/old",
       .lock = "/nonexistent",
       .bytes = 5,
       .written = kNow - hours(99)}};
  const auto all = [](const CacheEntry&) { return true; };
  EXPECT_EQ(paths(choose_pruned(contents, {}, kNow, all)), Names({"/new", "/old"}));
  const PruneRules rules{.older_than = hours(24), .larger_than = {}};
  EXPECT_EQ(paths(choose_pruned(contents, rules, kNow, all)), Names({"/old"}));
}

}  // namespace
}  // namespace nestvec
