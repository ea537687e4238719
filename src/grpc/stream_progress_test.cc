// SPDX-License-Identifier: Apache-2.0
#include "grpc/stream_progress.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <utility>
#include <vector>

namespace nestvec {
namespace {

// Reads a message that must be wanted.
std::uint64_t read_one(StreamProgress& progress, std::size_t bytes = 1) {
  EXPECT_TRUE(progress.take_read());
  const std::optional<std::uint64_t> number = progress.opened(bytes);
  EXPECT_TRUE(number.has_value());
  progress.handed_over();
  return number.value_or(0);
}

Error bad() { return {ErrorCode::kInvalidArgument, "bad"}; }

TEST(StreamProgress, AnswersInTheOrderOfTheRequests) {
  StreamProgress progress;
  const std::uint64_t first = read_one(progress);
  const std::uint64_t second = read_one(progress);
  progress.answered(second);
  EXPECT_EQ(progress.take_write(), 0u);
  progress.answered(first);
  EXPECT_EQ(progress.take_write(), 2u);
  EXPECT_EQ(progress.take_write(), 0u) << "one write at a time";
  progress.written();
  EXPECT_EQ(progress.open(), 0u);
  EXPECT_FALSE(progress.take_finish()) << "the client has not ended";
  EXPECT_TRUE(progress.take_read());
  progress.ended();
  EXPECT_TRUE(progress.take_finish());
  EXPECT_FALSE(progress.take_finish());
  EXPECT_FALSE(progress.error());
}

TEST(StreamProgress, OneReadAtATimeAndNoMoreThanTheLimit) {
  StreamProgress progress({.messages = 3, .bytes = 1000, .hand_overs = 100});
  EXPECT_TRUE(progress.take_read());
  EXPECT_FALSE(progress.take_read());
  EXPECT_TRUE(progress.opened(1));
  progress.handed_over();
  read_one(progress);
  const std::uint64_t last = read_one(progress);
  EXPECT_FALSE(progress.take_read());
  progress.answered(last);
  EXPECT_FALSE(progress.take_read()) << "an answer that waits for its turn still takes room";
  progress.answered(0);
  EXPECT_EQ(progress.take_write(), 1u);
  progress.written();
  EXPECT_TRUE(progress.take_read());
}

TEST(StreamProgress, BytesAreLimitedButOneMessageIsAlwaysAllowed) {
  StreamProgress progress({.messages = 100, .bytes = 1000, .hand_overs = 100});
  const std::uint64_t huge = read_one(progress, 5000);
  EXPECT_FALSE(progress.take_read());
  progress.answered(huge);
  EXPECT_EQ(progress.take_write(), 1u);
  progress.written();
  read_one(progress, 999);
  read_one(progress, 999);
  EXPECT_FALSE(progress.take_read());
}

TEST(StreamProgress, WritesWhatIsReadyTogetherUpToABound) {
  StreamProgress progress(
      {.messages = 100, .bytes = 10'000, .hand_overs = 100, .write_bytes = 100});
  for (int i = 0; i < 6; ++i) read_one(progress, 50);
  for (const std::uint64_t number : {4u, 1u, 2u, 0u}) progress.answered(number);
  EXPECT_EQ(progress.take_write(), 2u);
  progress.written();
  EXPECT_EQ(progress.take_write(), 1u) << "the next has no answer yet";
  progress.answered(5, bad());
  progress.answered(3);
  EXPECT_EQ(progress.take_write(), 0u);
  progress.written();
  EXPECT_EQ(progress.take_write(), 2u) << "all before the error";
  progress.written();
  EXPECT_TRUE(progress.take_finish());
  EXPECT_STREQ(progress.error()->what(), "message 5 of the stream: bad");
}

// It would be copied to stand behind the short one.
TEST(StreamProgress, WritesALongAnswerByItself) {
  StreamProgress progress(
      {.messages = 100, .bytes = 10'000, .hand_overs = 100, .write_bytes = 100});
  read_one(progress, 50);
  read_one(progress, 5000);
  progress.answered(0);
  progress.answered(1);
  EXPECT_EQ(progress.take_write(), 1u);
  progress.written();
  EXPECT_EQ(progress.take_write(), 1u);
}

TEST(StreamProgress, FewMessagesAreOnTheWayAtATime) {
  StreamProgress progress({.messages = 100, .bytes = 1000, .hand_overs = 2});
  EXPECT_TRUE(progress.take_read());
  const std::optional<std::uint64_t> first = progress.opened(1);
  EXPECT_TRUE(progress.take_read());
  EXPECT_TRUE(progress.opened(1));
  EXPECT_FALSE(progress.take_read());
  progress.answered(*first);  // by the thread that hands it over, which has not come back yet
  EXPECT_FALSE(progress.take_read());
  progress.handed_over();
  EXPECT_TRUE(progress.take_read());
  progress.ended();
  progress.answered(1);
  while (progress.take_write() > 0) progress.written();
  EXPECT_FALSE(progress.take_finish()) << "somebody still holds the stream";
  progress.handed_over();
  EXPECT_TRUE(progress.take_finish());
}

TEST(StreamProgress, TheFirstErrorEndsTheStreamAfterTheAnswersBeforeIt) {
  StreamProgress progress;
  const std::uint64_t good = read_one(progress);
  const std::uint64_t wrong = read_one(progress);
  const std::uint64_t behind = read_one(progress);
  progress.answered(wrong, bad());
  EXPECT_FALSE(progress.take_read()) << "what follows an error is never answered";
  EXPECT_FALSE(progress.take_stop()) << "the answer before the error is still wanted";
  EXPECT_FALSE(progress.error());
  progress.answered(good);
  EXPECT_EQ(progress.take_write(), 1u);
  progress.written();
  EXPECT_TRUE(progress.take_stop());
  EXPECT_FALSE(progress.take_stop());
  EXPECT_FALSE(progress.take_finish()) << "one message is still worked on";
  progress.answered(behind, Error(ErrorCode::kCancelled, "stopped"));
  EXPECT_EQ(progress.take_write(), 0u);
  EXPECT_TRUE(progress.take_finish());
  ASSERT_TRUE(progress.error());
  EXPECT_EQ(progress.error()->code(), ErrorCode::kInvalidArgument);
  EXPECT_STREQ(progress.error()->what(), "message 1 of the stream: bad");
}

TEST(StreamProgress, AMessageThatComesAfterAnErrorIsNotOpened) {
  StreamProgress progress;
  const std::uint64_t wrong = read_one(progress);
  EXPECT_TRUE(progress.take_read());
  progress.answered(wrong, bad());
  EXPECT_TRUE(progress.take_finish()) << "a read that is under way holds nothing up";
  EXPECT_FALSE(progress.opened(1));
}

TEST(StreamProgress, AClientThatIsGoneStopsTheWork) {
  StreamProgress progress;
  const std::uint64_t first = read_one(progress);
  const std::uint64_t second = read_one(progress);
  progress.answered(first);
  EXPECT_EQ(progress.take_write(), 1u);
  progress.abandon();
  EXPECT_TRUE(progress.take_stop());
  EXPECT_FALSE(progress.take_read());
  progress.answered(second, Error(ErrorCode::kCancelled, "stopped"));
  EXPECT_FALSE(progress.take_finish()) << "the write is still under way";
  progress.written();
  EXPECT_TRUE(progress.take_finish());
  EXPECT_EQ(progress.error()->code(), ErrorCode::kCancelled);
}

TEST(StreamProgress, DrainingAnswersWhatIsOpenAndReadsNoMore) {
  StreamProgress progress;
  const std::uint64_t first = read_one(progress);
  progress.drain();
  EXPECT_FALSE(progress.take_read());
  EXPECT_FALSE(progress.take_finish());
  progress.answered(first);
  EXPECT_EQ(progress.take_write(), 1u);
  progress.written();
  EXPECT_TRUE(progress.take_finish());
  EXPECT_EQ(progress.error()->code(), ErrorCode::kUnavailable);
  EXPECT_EQ(std::string(progress.error()->what()).find("the server is shutting down; 1 messages"),
            0U);
}

TEST(StreamProgress, DrainingAStreamThatTheClientHasEndedIsASuccess) {
  StreamProgress progress;
  EXPECT_TRUE(progress.take_read());
  progress.ended();
  progress.drain();
  EXPECT_TRUE(progress.take_finish());
  EXPECT_FALSE(progress.error());
}

// Whatever the order of events: answers come in order, limits hold, and each stream ends once.
// NOLINTNEXTLINE(readability-function-cognitive-complexity): a walk over all events
TEST(StreamProgress, RandomOrders) {
  std::mt19937 engine(7);
  for (int round = 0; round < 200; ++round) {
    StreamProgress progress({.messages = 4, .bytes = 100, .hand_overs = 4});
    std::vector<std::uint64_t> working;
    bool reading = false;
    std::size_t writing = 0;
    std::size_t sent = 0;
    std::size_t written = 0;
    const std::size_t messages = engine() % 20;
    for (int step = 0; !progress.take_finish(); ++step) {
      ASSERT_LT(step, 2000);
      if (progress.take_read()) reading = true;
      if (const std::size_t ready = progress.take_write(); ready > 0) writing = ready;
      ASSERT_LE(progress.open(), 4U);
      switch (engine() % 3) {
        case 0:
          if (!reading) break;
          reading = false;
          if (sent == messages) {
            progress.ended();
          } else {
            const std::optional<std::uint64_t> number = progress.opened(1 + engine() % 60);
            ASSERT_TRUE(number);
            ASSERT_EQ(*number, sent++);
            working.push_back(*number);
            progress.handed_over();
          }
          break;
        case 1: {
          if (working.empty()) break;
          const std::size_t which = engine() % working.size();
          progress.answered(working[which]);
          working.erase(working.begin() + static_cast<std::ptrdiff_t>(which));
          break;
        }
        default:
          if (writing == 0) break;
          progress.written();
          written += std::exchange(writing, 0);
      }
    }
    EXPECT_EQ(written, messages);
    EXPECT_FALSE(progress.error());
  }
}

}  // namespace
}  // namespace nestvec
