// SPDX-License-Identifier: Apache-2.0
// ONNX Runtime's telemetry is off before its first environment, and what the user has set stays.
#include "session/ort_support.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace nestvec {
namespace {

constexpr const char* kSwitch = "ORT_DISABLE_TELEMETRY";

TEST(QuietEnvironmentTest, IsDecidedBeforeMain) {
  const char* value = std::getenv(kSwitch);
  ASSERT_NE(value, nullptr);
  EXPECT_STRNE(value, "");
}

TEST(QuietEnvironmentTest, IsDecidedAgainWhereTheEnvironmentWasCleared) {
  for (const char* nothing : {static_cast<const char*>(nullptr), ""}) {
    nothing == nullptr ? ::unsetenv(kSwitch) : ::setenv(kSwitch, nothing, 1);
    const Ort::Env environment = quiet_environment();
    EXPECT_STREQ(std::getenv(kSwitch), "1");
  }
}

TEST(QuietEnvironmentTest, LeavesTheUsersValue) {
  const Ort::Env first = quiet_environment();  // the runtime has read the variable
  ::setenv(kSwitch, "0", 1);
  const Ort::Env second = quiet_environment();
  EXPECT_STREQ(std::getenv(kSwitch), "0");
}

}  // namespace
}  // namespace nestvec
