// SPDX-License-Identifier: Apache-2.0
// The lanes of several models in one queue.
#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <random>
#include <vector>

#include "batch/fair_queue.h"

namespace nestvec {
namespace {

using LaneClock = FairQueue::Clock;
constexpr LaneClock::time_point kLaneStart{};
constexpr bool kInteractiveLane = false;
constexpr bool kBulkLane = true;

std::vector<std::uint64_t> lane_jobs(const std::vector<Waiting>& batch) {
  std::vector<std::uint64_t> out;
  for (const Waiting& waiting : batch) out.push_back(waiting.job);
  return out;
}

std::size_t lane_tokens(const std::vector<Waiting>& batch) {
  std::size_t sum = 0;
  for (const Waiting& waiting : batch) sum += waiting.tokens;
  return sum;
}

// Takes a batch of the lane whose turn it is, and notes the tokens of each lane.
std::vector<Waiting> take_turn(FairQueue& queue, std::size_t max_tokens,
                               std::map<LaneId, std::size_t>& served,
                               LaneClock::time_point now = kLaneStart) {
  const LaneId lane = queue.next_lane(now).value();
  std::vector<Waiting> batch = queue.take(max_tokens, now, lane);
  served[lane] += lane_tokens(batch);
  return batch;
}

TEST(FairQueueLanes, ABatchIsOfOneLane) {
  FairQueue queue;
  queue.push({1, kInteractiveLane, 0}, 10, {10, 10}, kLaneStart);
  queue.push({2, kInteractiveLane, 1}, 20, {10, 10}, kLaneStart);
  queue.push({3, kInteractiveLane, 0}, 30, {10}, kLaneStart);
  EXPECT_EQ(queue.next_lane(kLaneStart), 0u);
  EXPECT_EQ(lane_jobs(queue.take(100, kLaneStart, 0)), (std::vector<std::uint64_t>{10, 30, 10}));
  EXPECT_EQ(queue.next_lane(kLaneStart), 1u);
  EXPECT_EQ(queue.load(kInteractiveLane, 1).texts, 2u);
  EXPECT_EQ(queue.tokens_of(2, kInteractiveLane, 1), 20u);
  EXPECT_EQ(lane_jobs(queue.take(100, kLaneStart, 1)), (std::vector<std::uint64_t>{20, 20}));
  EXPECT_EQ(queue.next_lane(kLaneStart), std::nullopt);
}

// Equal claims in every respect: whichever came first must not be the only one that is served.
TEST(FairQueueLanes, LanesOfOneClientAreServedInTurn) {
  for (const bool bulk : {kInteractiveLane, kBulkLane}) {
    FairQueue queue;
    queue.push({1, bulk, 0}, 1, std::vector<std::uint32_t>(500, 10), kLaneStart);
    queue.push({1, bulk, 1}, 2, std::vector<std::uint32_t>(500, 10), kLaneStart);
    std::map<LaneId, std::size_t> served;
    for (int round = 0; round < 10; ++round) take_turn(queue, 100, served);
    EXPECT_EQ(served[0], 500u);
    EXPECT_EQ(served[1], 500u);
  }
}

// A lane in which a client asks again as soon as it has its answer is empty in between.
TEST(FairQueueLanes, ALaneThatIsEmptyInBetweenDoesNotStarveAnother) {
  FairQueue queue;
  queue.push({1, kBulkLane, 0}, 1, std::vector<std::uint32_t>(1000, 10), kLaneStart);
  std::map<LaneId, std::size_t> served;
  for (std::uint64_t round = 0; round < 20; ++round) {
    if (queue.load(kBulkLane, 1).texts == 0) {
      queue.push({1, kBulkLane, 1}, 100 + round, std::vector<std::uint32_t>(10, 10), kLaneStart);
    }
    take_turn(queue, 100, served);
  }
  EXPECT_NEAR(static_cast<double>(served[0]), 1000, 100);
  EXPECT_NEAR(static_cast<double>(served[1]), 1000, 100);
}

TEST(FairQueueLanes, ClientsShareTheTimeAndNotTheTokens) {
  FairQueue queue;
  queue.set_cost(0, 10);  // the large model
  queue.set_cost(1, 1);
  queue.push({1, kBulkLane, 0}, 1, std::vector<std::uint32_t>(4000, 10), kLaneStart);
  queue.push({2, kBulkLane, 1}, 2, std::vector<std::uint32_t>(4000, 10), kLaneStart);
  std::map<LaneId, std::size_t> served;
  for (int round = 0; round < 110; ++round) take_turn(queue, 100, served);
  EXPECT_NEAR(static_cast<double>(10 * served[0]), static_cast<double>(served[1]), 1000);
}

// Ten clients of one model and one of another: each has an eleventh of the time.
TEST(FairQueueLanes, ALaneHasNoShareOfItsOwn) {
  FairQueue queue;
  for (std::uint64_t client = 1; client <= 10; ++client) {
    queue.push({client, kBulkLane, 0}, client, std::vector<std::uint32_t>(1000, 10), kLaneStart);
  }
  queue.push({99, kBulkLane, 1}, 99, std::vector<std::uint32_t>(1000, 10), kLaneStart);
  std::map<LaneId, std::size_t> served;
  for (int round = 0; round < 110; ++round) take_turn(queue, 100, served);
  EXPECT_NEAR(static_cast<double>(served[1]), 1000, 200);
}

// Interactive texts of one lane take bulk ones of that lane along, and none of another.
TEST(FairQueueLanes, BulkOfALaneWithoutInteractiveTextsIsServed) {
  FairQueue queue;
  queue.push({1, kBulkLane, 0}, 1, std::vector<std::uint32_t>(5000, 10), kLaneStart);
  queue.push({2, kBulkLane, 1}, 2, std::vector<std::uint32_t>(5000, 10), kLaneStart);
  std::map<LaneId, std::size_t> served;
  for (std::uint64_t round = 0; round < 200; ++round) {
    const auto now = kLaneStart + std::chrono::milliseconds(100 * round);
    queue.push({3, kInteractiveLane, 0}, 100 + round, {10}, now);
    take_turn(queue, 100, served, now);
  }
  EXPECT_GE(served[1], 9u * 50);  // half a batch in two seconds
}

// Batches that last longer than bulk's patience leave each bulk lane neglected at every turn.
TEST(FairQueueLanes, BulkThatIsSlowLeavesEverySecondTurnToInteractiveTexts) {
  FairQueue queue;
  queue.push({1, kBulkLane, 0}, 1, std::vector<std::uint32_t>(20, 100), kLaneStart);
  queue.push({1, kBulkLane, 1}, 2, std::vector<std::uint32_t>(20, 100), kLaneStart);
  queue.push({1, kInteractiveLane, 2}, 3, std::vector<std::uint32_t>(20, 10), kLaneStart);
  std::vector<LaneId> turns;
  LaneClock::time_point now = kLaneStart + FairQueue::kBulkPatience;
  for (int turn = 0; turn < 6; ++turn, now += FairQueue::kBulkPatience) {
    turns.push_back(queue.next_lane(now).value());
    EXPECT_FALSE(queue.take(10, now, turns.back()).empty());
  }
  EXPECT_EQ(turns, (std::vector<LaneId>{0, 2, 1, 2, 0, 2}));
}

TEST(FairQueueLanes, WhatWaitsOfOneLaneIsRemovedAlone) {
  FairQueue queue;
  queue.push({1, kBulkLane, 0}, 1, {10, 10}, kLaneStart);
  queue.push({1, kBulkLane, 1}, 2, {20}, kLaneStart);
  EXPECT_EQ(queue.clients(kBulkLane), 1u);
  queue.remove(1);
  EXPECT_EQ(queue.clients(kBulkLane), 1u);
  EXPECT_EQ(queue.load(kBulkLane, 0).texts, 0u);
  EXPECT_EQ(queue.tokens(), 20u);
  EXPECT_EQ(queue.next_lane(kLaneStart), 1u);
  queue.remove(2);
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(queue.clients(kBulkLane), 0u);
}

// Whatever comes and leaves, in whichever lane: each text once, and each batch of one lane.
TEST(FairQueueLanes, RandomJobsOfThreeLanes) {
  std::mt19937 random(7);
  FairQueue queue;
  struct Left {
    LaneId lane = 0;
    std::size_t texts = 0;
  };
  std::map<std::uint64_t, Left> left;
  std::uint64_t job = 1;
  for (int round = 0; round < 5000; ++round) {
    const auto now = kLaneStart + std::chrono::milliseconds(20 * round);
    const auto lane = static_cast<LaneId>(random() % 3);
    if (round % 500 == 0) queue.set_cost(lane, 1 + random() % 50);
    if (round < 4000 && random() % 2 == 0) {
      const std::vector<std::uint32_t> texts(1 + random() % 30,
                                             static_cast<std::uint32_t>(1 + random() % 100));
      queue.push({random() % 5, random() % 2 == 0, lane}, job, texts, now);
      left[job++] = {lane, texts.size()};
    } else if (random() % 5 == 0 && !left.empty()) {
      queue.remove(left.begin()->first);
      left.erase(left.begin());
    } else if (const auto turn = queue.next_lane(now)) {
      const std::vector<Waiting> batch = queue.take(300, now, *turn);
      ASSERT_FALSE(batch.empty());
      for (const Waiting& waiting : batch) {
        ASSERT_EQ(left.at(waiting.job).lane, *turn);
        if (--left.at(waiting.job).texts == 0) left.erase(waiting.job);
      }
    }
    std::size_t texts = 0;
    for (const auto& [id, each] : left) texts += each.texts;
    ASSERT_EQ(queue.size(), texts);
    if (queue.empty()) queue.forget_served();
  }
}

}  // namespace
}  // namespace nestvec
