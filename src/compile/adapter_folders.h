// SPDX-License-Identifier: Apache-2.0
// Adapters in folders of their own beside a base, as PEFT writes them.
#pragma once

#include <string>

#include "compile/families/family.h"

namespace nestvec {

// Adapters in folders of their own take the place of those that config.json announces. Throws Error
// as read_model_spec.
void read_adapter_folders(const std::string& folder, const JsonValue& config, const Family& family,
                          ModelSpec& spec);

// Adds adapters that the configuration names to the model's own. Throws Error as read_model_spec.
void add_adapters(const std::string& folder, const AdapterFolders& adapters, ModelSpec& spec);

}  // namespace nestvec
