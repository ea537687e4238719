// SPDX-License-Identifier: Apache-2.0
// What Model.load was given as a configuration.
#pragma once

#include <map>
#include <string>

#include "nestvec/config.h"

namespace nestvec {

// Defaults, then the file `config` (empty = none), the environment, `settings` by the names of
// Python's arguments ("max_tokens"), and `model`, a folder or repository (empty = that of the
// others, else $NESTVEC_MODEL). Throws Error: kNotFound, kInvalidArgument (no model, too).
ModelConfig read_settings_of(const std::string& model, const std::string& config,
                             const std::map<std::string, std::string>& settings);

}  // namespace nestvec
