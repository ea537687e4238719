// SPDX-License-Identifier: Apache-2.0
#include "config/unknown_variables.h"

#include <gtest/gtest.h>

#include <optional>

namespace nestvec {
namespace {

std::vector<std::string> warnings(const std::vector<std::string>& names,
                                  const std::string& value = "x") {
  return unknown_variables(names, [&value](const std::string&) { return std::optional(value); });
}

TEST(UnknownVariables, WhatIsNearToASettingIsNamed) {
  EXPECT_EQ(
      warnings({"NESTVEC_PRECISON", "PATH", "NESTVEC_THREADS", "NESTVEC_API_KEY"}),
      (std::vector<std::string>{
          "NESTVEC_PRECISON is not a setting and is ignored; did you mean NESTVEC_PRECISION?",
          "NESTVEC_API_KEY is not a setting and is ignored; did you mean NESTVEC_API_KEYS?"}));
}

TEST(UnknownVariables, ASectionInFrontIsNoPartOfTheName) {
  for (const std::string section : {"RUNTIME_", "INFERENCE_COMPUTE_INFO_"}) {
    const std::string name = "NESTVEC_" + section + "CPU_MEMORY";
    EXPECT_EQ(warnings({name}),
              std::vector<std::string>{name + " is not a setting and is ignored; did you mean "
                                              "NESTVEC_CPU_MEMORY?"});
  }
}

TEST(UnknownVariables, APortIsThatOfHttp) {
  EXPECT_EQ(warnings({"NESTVEC_PORT"}, "8080"),
            std::vector<std::string>{
                "NESTVEC_PORT is not a setting and is ignored; did you mean NESTVEC_HTTP?"});
}

TEST(UnknownVariables, OthersMayHaveVariablesOfThatPrefix) {
  EXPECT_TRUE(warnings({"NESTVEC_BINARY", "NESTVEC_TEST_DATA", "NESTVEC_WHEEL", "NESTVEC_MODEL",
                        "NESTVEC_CACHE", "NESTVEC_MAX_ISA", "NESTVEC_"})
                  .empty());
  EXPECT_TRUE(warnings({"NESTVEC_SERVICE_HOST", "NESTVEC_SERVICE_PORT_HTTP", "NESTVEC_PORT",
                        "NESTVEC_PORT_8080_TCP_ADDR"},
                       "tcp://10.0.0.7:8080")
                  .empty());
}

}  // namespace
}  // namespace nestvec
