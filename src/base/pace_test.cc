// SPDX-License-Identifier: Apache-2.0
#include "base/pace.h"

#include <gtest/gtest.h>

#include "nestvec/error.h"

namespace nestvec {
namespace {

ErrorCode code_of(Pace pace) {
  try {
    pace.spend(Pace::kStride);
  } catch (const Error& error) {
    return error.code();
  }
  return ErrorCode::kInternal;
}

TEST(Pace, LooksOnceInAStride) {
  std::size_t looks = 0;
  Pace pace([&looks] { ++looks; });
  for (std::size_t i = 0; i + 1 < Pace::kStride; ++i) pace.spend();
  EXPECT_EQ(looks, 0u);
  pace.spend();
  EXPECT_EQ(looks, 1u);
  EXPECT_EQ(pace.steps(), Pace::kStride);
  pace.spend(10 * Pace::kStride);
  EXPECT_EQ(looks, 2u);
  pace.spend(3);
  EXPECT_EQ(pace.steps(), 11 * Pace::kStride + 3);
}

TEST(Pace, EndsWorkThatNobodyWaitsFor) {
  std::stop_source gone;
  gone.request_stop();
  EXPECT_EQ(code_of(Pace(RunControl{.stop = gone.get_token(), .deadline = {}})),
            ErrorCode::kCancelled);
  EXPECT_EQ(code_of(Pace(RunControl{.stop = {}, .deadline = std::chrono::steady_clock::now()})),
            ErrorCode::kDeadlineExceeded);
  EXPECT_EQ(code_of(Pace()), ErrorCode::kInternal);  // it went on
}

}  // namespace
}  // namespace nestvec
