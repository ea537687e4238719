// SPDX-License-Identifier: Apache-2.0
// Prompts of well-known models whose folders do not store them (builtin_prompts.json).
#pragma once

#include <optional>
#include <span>
#include <string>

#include "engine/tasks.h"

namespace nestvec {

struct BuiltinPrompts {
  std::string model;  // "intfloat/multilingual-e5-small"
  Prompts prompts;
};

// Of the first known model that `names` tell of: "OWNER/NAME", "OWNER/NAME@REVISION", or a path
// that ends in OWNER/NAME or leads through the cache of a hub. Case does not matter.
std::optional<BuiltinPrompts> builtin_prompts(std::span<const std::string> names);

}  // namespace nestvec
