// SPDX-License-Identifier: Apache-2.0
// Whether models can be told apart by their names.
#pragma once

#include <span>

#include "config/server_config.h"

namespace nestvec {

// For models that are not loaded yet, each with an id. Throws Error kAlreadyExists where two have
// one name.
void check_names(std::span<const ModelEntry> models);

}  // namespace nestvec
