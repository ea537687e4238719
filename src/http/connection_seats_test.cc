// SPDX-License-Identifier: Apache-2.0
#include "http/connection_seats.h"

#include <gtest/gtest.h>

#include <vector>

namespace nestvec {
namespace {

using std::chrono::seconds;
using Use = ConnectionSeats::Use;

class ConnectionSeatsTest : public testing::Test {
 protected:
  struct Connection final : Peer {
    void on_tick(Clock::time_point) override {}
    void on_drain(Clock::time_point) override {}
    void on_stop() override {}
    void on_grace_over() override {}
    void make_way() override { makes_way = true; }

    bool makes_way = false;
    ConnectionSeats::Seat seat;
  };

  // Null where there is no seat.
  std::shared_ptr<Connection> connect(std::uint64_t client, Use use = Use::kIdle) {
    now_ += seconds(1);
    auto seat = seats_.take(client, now_);
    loop_.context().poll();
    if (!seat) return nullptr;
    const auto connection = std::make_shared<Connection>();
    connection->seat = *std::move(seat);
    connection->seat.belongs_to(connection, loop_);
    connection->seat.use(use, now_);
    return connection;
  }

  IoLoop loop_;
  ConnectionSeats seats_{4};
  Peer::Clock::time_point now_{seconds(1000)};
};

TEST_F(ConnectionSeatsTest, TheClientWithMostGivesItsIdlestUp) {
  const auto first = connect(1);
  const auto used = connect(1);
  const auto third = connect(1);
  const auto other = connect(2);
  used->seat.use(Use::kWorking, now_);
  first->seat.use(Use::kWorking, now_);
  now_ += seconds(1);
  first->seat.use(Use::kIdle, now_);
  EXPECT_TRUE(connect(3));
  EXPECT_TRUE(third->makes_way);
  EXPECT_FALSE(first->makes_way || used->makes_way || other->makes_way);
  EXPECT_EQ(seats_.given_up(), 1u);
}

TEST_F(ConnectionSeatsTest, TheClientWithMostGetsNoMore) {
  const auto one = connect(1);
  const auto two = connect(1);
  const auto other = connect(2);
  const auto last = connect(2);
  EXPECT_FALSE(connect(1));  // as many as the other has
  EXPECT_FALSE(connect(2));
  EXPECT_TRUE(connect(3));
}

TEST_F(ConnectionSeatsTest, WhatIsWorkedOnStays) {
  std::vector<std::shared_ptr<Connection>> working;
  for (int i = 0; i < 4; ++i) working.push_back(connect(1, Use::kWorking));
  EXPECT_FALSE(connect(2));
  working[2]->seat.use(Use::kIdle, now_);
  EXPECT_TRUE(connect(2));
  EXPECT_TRUE(working[2]->makes_way);
}

// Whoever only begins requests must not keep the others out.
TEST_F(ConnectionSeatsTest, BodiesThatDoNotComeMakeWayInTime) {
  std::vector<std::shared_ptr<Connection>> bodies;
  for (int i = 0; i < 4; ++i) bodies.push_back(connect(1, Use::kAwaited));
  bodies[0]->seat.use(Use::kWorking, now_);
  bodies[0]->seat.use(Use::kAwaited, now_);
  now_ += seconds(1);
  EXPECT_FALSE(connect(2));
  now_ += seconds(1);
  EXPECT_TRUE(connect(2));
  EXPECT_TRUE(bodies[1]->makes_way);
}

TEST_F(ConnectionSeatsTest, IdleOnesGoBeforeAwaitedOnes) {
  std::vector<std::shared_ptr<Connection>> held;
  for (int i = 0; i < 3; ++i) held.push_back(connect(1, Use::kAwaited));
  const auto idle = connect(2);
  now_ += ConnectionSeats::kPatience;
  EXPECT_TRUE(connect(3));
  EXPECT_TRUE(idle->makes_way);
}

TEST_F(ConnectionSeatsTest, ASeatIsFreeAtOnceAndCountsUntilItsConnectionHasEnded) {
  std::vector<std::shared_ptr<Connection>> idle;
  for (int i = 0; i < 4; ++i) idle.push_back(connect(1));
  const auto newcomer = connect(2);
  EXPECT_EQ(seats_.count(), 5u);
  idle.front().reset();
  EXPECT_EQ(seats_.count(), 4u);
  idle.pop_back();
  EXPECT_TRUE(connect(1));  // a free one
  EXPECT_EQ(seats_.given_up(), 1u);
}

// As where a connection goes on as one of HTTP/2 in that moment.
TEST_F(ConnectionSeatsTest, WhoGetsASeatThatIsGivenUpIsTold) {
  std::vector<std::shared_ptr<Connection>> idle;
  for (int i = 0; i < 4; ++i) idle.push_back(connect(1));
  ASSERT_TRUE(connect(2));
  const auto next = std::make_shared<Connection>();
  next->seat = std::move(idle.front()->seat);
  next->seat.belongs_to(next, loop_);
  loop_.context().poll();
  EXPECT_TRUE(next->makes_way);
}

TEST_F(ConnectionSeatsTest, OneOfVeryManyIsFoundAtOnce) {
  ConnectionSeats many(20'000);
  std::vector<ConnectionSeats::Seat> held;
  const auto peer = std::make_shared<Connection>();
  for (std::uint64_t i = 0; i < 20'000; ++i) {
    held.push_back(*many.take(i % 1000, now_));
    held.back().belongs_to(peer, loop_);
    held.back().use(Use::kIdle, now_);
  }
  for (std::uint64_t client = 1000; client < 10'000; ++client) {
    held.push_back(*many.take(client, now_));
  }
  EXPECT_EQ(many.given_up(), 9000u);
  held.clear();
  EXPECT_EQ(many.count(), 0u);
  EXPECT_TRUE(many.wait_for_none(now_));
}

}  // namespace
}  // namespace nestvec
