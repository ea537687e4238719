// SPDX-License-Identifier: Apache-2.0
// The parts of read_config: text, environment and single settings into a configuration.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/environment.h"
#include "config/server_config.h"

namespace nestvec {

// A config.yaml from memory over the defaults, without the environment. `name` is the file in
// errors and warnings. Throws Error: kInvalidArgument ("NAME:LINE:COLUMN: ...").
ServerConfig parse_config(std::string_view yaml, const std::string& name);

// Overrides what environment variables name ("NESTVEC_THREADS"; an empty one counts as unset), in
// the items of `models`, too. NESTVEC_MODELS lists models, separated by commas, as set_models().
// Throws Error: kInvalidArgument, naming the variable.
void apply_environment(const Environment& environment, ServerConfig& config);

// Overrides the field of that name ("max-tokens"). `source` stands in errors ("--max-tokens").
// Throws Error: kInvalidArgument; so does a key of `server` for a ModelConfig.
void apply_setting(std::string_view name, std::string_view text, const std::string& source,
                   ModelConfig& config);
void apply_setting(std::string_view name, std::string_view text, const std::string& source,
                   ServerConfig& config);

// Makes `models` those of these names, each as the sections say.
void set_models(std::span<const std::string> names, ServerConfig& config);

// For who loads one model: the first of `models`, if there are any, in place of the sections.
void choose_first_model(ServerConfig& config);

// docs/config.md: every key with its kind, default, environment variable and flag.
std::string config_reference();

}  // namespace nestvec
