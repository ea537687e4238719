// SPDX-License-Identifier: Apache-2.0
// The refusal of what a model folder asks for.
#pragma once

#include <string>

#include "base/json.h"

namespace nestvec {

// kUnimplemented: "FILE: PATH: MESSAGE".
inline Error unsupported_value(const JsonValue& where, const std::string& message) {
  return Error(ErrorCode::kUnimplemented, where.error(message).what());
}

}  // namespace nestvec
