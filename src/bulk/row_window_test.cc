// SPDX-License-Identifier: Apache-2.0
// Which rows share a batch: every row once, the oldest always, full batches.
#include "bulk/row_window.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <string>
#include <vector>

namespace nestvec {
namespace {

SourceRow row_of(std::uint64_t index, std::size_t bytes) {
  SourceRow row;
  row.index = index;
  row.fields.text.assign(bytes, 'x');
  return row;
}

std::size_t tokens_of(const std::vector<SourceRow>& batch, const TokenGuess& guess) {
  std::size_t sum = 0;
  for (const SourceRow& row : batch) sum += guess.tokens(row.fields.text.size());
  return sum;
}

TEST(RowWindow, RandomRowsLeaveOnceAndFillBatches) {
  constexpr std::size_t kTokens = 1000;
  std::mt19937 random(7);
  std::lognormal_distribution<double> length(5, 1.5);
  const TokenGuess guess(800);
  RowWindow window;
  std::uint64_t pushed = 0;
  std::vector<std::uint64_t> waiting;
  std::uint64_t taken = 0;
  for (int round = 0; round < 300; ++round) {
    for (std::size_t rows = random() % 60; rows > 0; --rows) {
      waiting.push_back(pushed);
      window.push(row_of(pushed++, static_cast<std::size_t>(length(random))));
    }
    const bool was_empty = window.empty();
    const std::vector<SourceRow> batch = window.take(kTokens, guess);
    ASSERT_EQ(batch.empty(), was_empty);
    if (was_empty) continue;
    ASSERT_EQ(batch.front().index, waiting.front()) << "the oldest row waits";
    const std::size_t tokens = tokens_of(batch, guess);
    ASSERT_LE(tokens, kTokens);
    for (const SourceRow& row : batch) ASSERT_EQ(std::erase(waiting, row.index), 1u);
    taken += batch.size();
    // None of those that wait would have fitted.
    RowWindow rest = window;
    for (const SourceRow& row : rest.take(1'000'000, guess)) {
      ASSERT_GT(tokens + guess.tokens(row.fields.text.size()), kTokens);
    }
  }
  while (!window.empty()) taken += window.take(kTokens, guess).size();
  EXPECT_EQ(taken, pushed);
  EXPECT_EQ(window.text_bytes(), 0u);
}

TEST(RowWindow, ARowOverTheLimitIsABatch) {
  const TokenGuess guess(100'000);
  RowWindow window;
  window.push(row_of(0, 100'000));
  window.push(row_of(1, 4));
  EXPECT_EQ(window.take(10, guess).size(), 1u);
  EXPECT_EQ(window.take(10, guess).front().index, 1u);
}

TEST(RowWindow, WhatIsPutBackComesFirst) {
  const TokenGuess guess(100);
  RowWindow window;
  for (std::uint64_t i = 0; i < 6; ++i) window.push(row_of(i, 10));
  std::vector<SourceRow> batch = window.take(3 * guess.tokens(10), guess);
  ASSERT_EQ(batch.size(), 3u);
  batch.erase(batch.begin() + 1);
  window.put_back(std::move(batch));
  std::vector<std::uint64_t> order;
  for (const SourceRow& row : window.take(1000, guess)) order.push_back(row.index);
  EXPECT_EQ(order, (std::vector<std::uint64_t>{0, 2, 3, 4, 5}));
}

TEST(TokenGuess, LearnsTheTextsAndForgetsOldOnes) {
  TokenGuess guess(512);
  EXPECT_EQ(guess.tokens(1 << 20), 512u);
  for (int i = 0; i < 1000; ++i) guess.learn(300, 102);  // 3 bytes a token, two special ones
  EXPECT_NEAR(static_cast<double>(guess.tokens(300)), 102, 1);
  for (int i = 0; i < 20'000; ++i) guess.learn(300, 302);
  EXPECT_NEAR(static_cast<double>(guess.tokens(300)), 302, 2);
  for (int i = 0; i < 20'000; ++i) guess.learn(30'000, 512);  // cut: says nothing
  EXPECT_NEAR(static_cast<double>(guess.tokens(300)), 302, 2);
}

}  // namespace
}  // namespace nestvec
