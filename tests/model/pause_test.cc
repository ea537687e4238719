// SPDX-License-Identifier: Apache-2.0
// Batches that run in the pauses of another: not a bit of either differs.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <random>
#include <stop_token>
#include <string>
#include <vector>

#include "compile/artefact.h"
#include "nestvec/error.h"
#include "ops/isa.h"
#include "session/packed_session.h"
#include "support/folders.h"
#include "support/slow_run.h"

namespace nestvec {
namespace {

constexpr std::uint32_t kVocabulary = 512;

Sequence random_text(std::uint32_t length, std::int32_t task, unsigned seed) {
  std::mt19937 random(seed);
  Sequence text;
  for (std::uint32_t i = 0; i < length; ++i) {
    text.ids.push_back(static_cast<std::uint32_t>(random() % kVocabulary));
  }
  text.task = task;
  text.spans = {{0, length}, {length / 2, length}};
  return text;
}

PackedBatch batch_of(const std::vector<Sequence>& texts) {
  PackedBatch batch;
  for (const Sequence& text : texts) batch.add(text);
  return batch;
}

class Pauses : public testing::TestWithParam<std::string> {
 protected:
  Pauses() {
    const std::string model = test_data() + "/../models/v3-tiny";
    const Artefact artefact = compile_into_cache(
        model, read_model_spec(model), test_build() + "/pause-cache", {.precision = GetParam()});
    session_ = open_packed_session({artefact.graph_path, 2, machine_isa()});
  }

  RunOutput run(const PackedBatch& batch, const RunOptions& options = {}) {
    RunOutput out;
    session_->run(batch, options, out);
    return out;
  }

  // One that is long enough for every kind of pause, beside short ones, with and without tasks.
  const PackedBatch long_batch_ =
      batch_of({random_text(30, 2, 1), random_text(2600, 1, 2), random_text(1500, kNoTask, 3),
                random_text(700, 4, 4), random_text(600, 0, 5), random_text(600, 3, 6),
                random_text(600, kNoTask, 7), random_text(600, 1, 8)});
  std::unique_ptr<Session> session_;
};

void expect_same(const RunOutput& a, const RunOutput& b) {
  EXPECT_EQ(a.rows, b.rows);
  EXPECT_EQ(a.tokens, b.tokens);
}

TEST_P(Pauses, WhatRunsInThemChangesNoBitOfEither) {
  EXPECT_TRUE(session_->pauses());
  const std::vector<PackedBatch> short_batches = {
      batch_of({random_text(16, 0, 11)}),
      batch_of({random_text(7, kNoTask, 12), random_text(200, 3, 13), random_text(1, 1, 14)}),
      batch_of({random_text(1024, 2, 15)}), batch_of({random_text(64, kNoTask, 16)})};
  std::vector<RunOutput> alone;
  std::vector<RunOptions> options(short_batches.size());
  options[1].want_tokens = true;
  options[3].full_precision = true;
  for (std::size_t i = 0; i < short_batches.size(); ++i) {
    alone.push_back(run(short_batches[i], options[i]));
  }
  RunOptions wanted{.want_tokens = true};
  const RunOutput uninterrupted = run(long_batch_, wanted);

  std::size_t pauses = 0;
  wanted.on_pause = [&] {
    const std::size_t i = pauses++ % short_batches.size();
    expect_same(run(short_batches[i], options[i]), alone[i]);
  };
  expect_same(run(long_batch_, wanted), uninterrupted);
  // Of two layers: before each half and around attention, before each of four heads of two long
  // texts, between three pieces of rows in each of three products.
  EXPECT_GE(pauses, 2u * (2 + 2 + 2 * 4 + 3 * 2));

  wanted.full_precision = true;
  wanted.on_pause = {};
  const RunOutput precise = run(long_batch_, wanted);
  wanted.on_pause = [&] { run(short_batches[0], options[0]); };
  expect_same(run(long_batch_, wanted), precise);
}

TEST_P(Pauses, AnErrorInOneLeavesTheLongRunAlone) {
  const RunOutput uninterrupted = run(long_batch_);
  Sequence unknown = random_text(5, 0, 1);
  unknown.ids[3] = kVocabulary + 1;
  std::size_t errors = 0;
  RunOptions options;
  options.on_pause = [&] {
    try {
      run(batch_of({unknown}));
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
      ++errors;
    }
    std::stop_source stop;
    RunOptions cancelled;
    cancelled.control.stop = stop.get_token();
    stop.request_stop();
    try {
      run(batch_of({random_text(5, 0, 1)}), cancelled);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kCancelled);
      ++errors;
    }
  };
  expect_same(run(long_batch_, options), uninterrupted);
  EXPECT_GT(errors, 20u);
}

// In many of its pauses in turn.
TEST_P(Pauses, ALongRunIsCancelledInAnyAndTheNextIsWhole) {
  const RunOutput uninterrupted = run(long_batch_);
  std::optional<std::size_t> all;
  for (std::size_t at = 1; !all; at += kSlowRun ? 20 : 7) {
    std::stop_source stop;
    RunOptions options;
    options.control.stop = stop.get_token();
    std::size_t pauses = 0;
    options.on_pause = [&] {
      run(batch_of({random_text(9, 1, 5)}));
      if (++pauses == at) stop.request_stop();
    };
    try {
      run(long_batch_, options);
      all = pauses;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kCancelled);
      EXPECT_EQ(pauses, at);  // it went no further
    }
  }
  EXPECT_GT(*all, 20u);
  expect_same(run(long_batch_), uninterrupted);
}

TEST_P(Pauses, AShortBatchHasFew) {
  std::size_t pauses = 0;
  RunOptions options;
  options.on_pause = [&] { ++pauses; };
  run(batch_of({random_text(20, 0, 1)}), options);
  EXPECT_LE(pauses, 2u * 4 + 2);
}

INSTANTIATE_TEST_SUITE_P(Precisions, Pauses,
                         testing::Values("fp32", "bf16", "int8-weights", "int8"),
                         [](const auto& suite) {
                           std::string name = suite.param;
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace nestvec
