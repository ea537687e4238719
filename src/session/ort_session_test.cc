// SPDX-License-Identifier: Apache-2.0
// Published exports through the session: the company a sequence keeps does not change its vector.
#include "session/ort_session.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "nestvec/error.h"
#include "support/folders.h"

namespace nestvec {
namespace {

const std::string kModels = test_data() + "/../models/";

Sequence random_sequence(std::mt19937& random, std::size_t length, std::int32_t task) {
  Sequence sequence;
  sequence.task = task;
  for (std::size_t i = 0; i < length; ++i) {
    sequence.ids.push_back(4 + static_cast<std::uint32_t>(random() % 100));
  }
  const auto size = static_cast<std::uint32_t>(length);
  sequence.spans = {{0, size}, {size / 2, size}};
  return sequence;
}

class OrtSessionTest : public testing::TestWithParam<std::string> {};

TEST_P(OrtSessionTest, SequencesDoNotInfluenceOneAnother) {
  const std::unique_ptr<Session> session =
      open_ort_session({kModels + GetParam() + "/onnx/model.onnx", 2, 1});
  const std::size_t width = session->width();
  std::mt19937 random(9);
  std::vector<Sequence> sequences;
  PackedBatch batch;
  for (int i = 0; i < 24; ++i) {
    const auto task = static_cast<std::int32_t>(random() % 5);
    sequences.push_back(random_sequence(random, 1 + random() % 40, task));
    batch.add(sequences.back());
  }
  RunOutput together;
  session->run(batch, {.want_tokens = true}, together);
  ASSERT_EQ(together.rows.size(), 2 * sequences.size() * width);
  ASSERT_EQ(together.tokens.size(), batch.tokens() * width);

  RunOutput alone;
  PackedBatch single;
  for (std::size_t i = 0; i < sequences.size(); ++i) {
    single.clear();
    single.add(sequences[i]);
    session->run(single, {.want_tokens = true}, alone);
    for (std::size_t k = 0; k < 2 * width; ++k) {
      ASSERT_NEAR(alone.rows[k], together.rows[2 * i * width + k], 2e-6f) << "sequence " << i;
    }
    const float* tokens = together.tokens.data() + batch.offsets[i] * width;
    for (std::size_t k = 0; k < alone.tokens.size(); ++k) {
      ASSERT_NEAR(alone.tokens[k], tokens[k], 4e-6f) << "sequence " << i;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Exports, OrtSessionTest,
                         testing::Values("v3-tiny-onnx", "v3-narrow-onnx", "bert-tiny-onnx",
                                         "xlmr-tiny-onnx"),
                         [](const auto& suite) {
                           std::string name = suite.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

TEST(OrtSession, APublishedExportHasNoBaseMode) {
  const std::unique_ptr<Session> session =
      open_ort_session({kModels + "v3-tiny-onnx/onnx/model.onnx", 1, 1});
  PackedBatch batch;
  batch.add({{0, 2}, kNoTask, {{0, 2}}});
  RunOutput out;
  try {
    session->run(batch, {}, out);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    EXPECT_NE(std::string(error.what()).find("task \"none\" is not in this graph"),
              std::string::npos);
  }
}

TEST(OrtSession, WhatTheRuntimeRefusesIsAnErrorOfOurs) {
  const std::unique_ptr<Session> session =
      open_ort_session({kModels + "bert-tiny-onnx/onnx/model.onnx", 1, 0});
  PackedBatch batch;
  batch.add({{4'000'000}, kNoTask, {{0, 1}}});  // far outside the vocabulary
  RunOutput out;
  try {
    session->run(batch, {}, out);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInternal);
  }
}

}  // namespace
}  // namespace nestvec
