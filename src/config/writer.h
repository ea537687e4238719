// SPDX-License-Identifier: Apache-2.0
// A configuration as the text of a config.yaml.
#pragma once

#include <string>

#include "config/server_config.h"

namespace nestvec {

// Every key with its value, defaults too. parse_config reads it back, but for secrets: one that is
// set stands there as a comment, "# hf_token: (set)".
std::string config_yaml(const ServerConfig& config);

}  // namespace nestvec
