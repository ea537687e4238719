// SPDX-License-Identifier: Apache-2.0
// What a call complains of.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "nestvec/error.h"

namespace nestvec {

// "NOT_FOUND there is no model"; empty where there is no error.
template <typename Action>
std::string coded_error_of(Action&& action) {
  try {
    action();
  } catch (const Error& error) {
    return std::string(error_code_name(error.code())) + " " + error.what();
  }
  return "";
}

// The message of an error, which must have this code; empty where there is no error.
template <typename Action>
std::string error_of(Action&& action, ErrorCode code = ErrorCode::kInvalidArgument) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code) << error.what();
    return error.what();
  }
  return "";
}

}  // namespace nestvec
