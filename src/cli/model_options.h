// SPDX-License-Identifier: Apache-2.0
// The options by which every command finds its model.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <map>
#include <string>

#include "cli/context.h"
#include "config/server_config.h"
#include "nestvec/model.h"

namespace nestvec {

struct ModelOptions {
  std::string config;                           // config.yaml
  std::map<std::string, std::string> settings;  // by the name of the field: "threads" -> "2"
  bool quiet = false;
  bool strict_config = false;  // what the configuration warns of is an error
};

// Declares --config, --quiet, --model and one option for every other key that a model has.
void add_model_options(CLI::App& command, ModelOptions& options);

// Declares one option for every key of the section `server`.
void add_server_options(CLI::App& command, ModelOptions& options);

// Defaults, then the file, the environment, the options. Throws Error as read_config.
ServerConfig read_settings(const ModelOptions& options, const CliContext& context);

// read_settings with a model: that of --model, else of NESTVEC_REPO_ID, else of the file, else
// NESTVEC_MODEL, else the small default model where `make quickstart` put it. Throws Error as
// read_settings, and kNotFound when nothing names a model.
ServerConfig make_config(const ModelOptions& options, const CliContext& context);

// load_model of make_config. `check` sees what the model's small files say (outline_model) before
// weights are read, and throws what is wrong with the command. Notes of the load go to context.err
// unless quiet.
using OutlineCheck = std::function<void(const ModelInfo&)>;
Model load_chosen_model(const ModelOptions& options, CliContext& context,
                        const OutlineCheck& check = {});

// The folder of the small default model: $NESTVEC_CACHE/models/all-MiniLM-L6-v2, with
// ~/.cache/nestvec for an unset NESTVEC_CACHE.
std::string default_model_folder(const Environment& environment);

}  // namespace nestvec
