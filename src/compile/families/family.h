// SPDX-License-Identifier: Apache-2.0
// A model family: what of config.json it is known by, and what it makes of the other keys. The
// names of its tensors stand in names.cc.
#pragma once

#include <span>
#include <string_view>

#include "base/json.h"
#include "compile/model_spec.h"

namespace nestvec {

struct Family {
  std::string_view name;
  bool (*matches)(const JsonValue& config);
  // Throws Error as parse_model_spec.
  ModelSpec (*read)(const JsonValue& config);
};

// Of several that match, the first one counts.
std::span<const Family> families();

extern const Family kEuroBert;
extern const Family kQwen3;
extern const Family kJinaV5;

}  // namespace nestvec
