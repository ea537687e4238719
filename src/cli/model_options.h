// SPDX-License-Identifier: Apache-2.0
// The options by which every command finds its model.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/context.h"
#include "config/server_config.h"
#include "nestvec/load.h"

namespace nestvec {

struct ModelOptions {
  std::string config;                           // config.yaml
  std::map<std::string, std::string> settings;  // by the name of the field: "threads" -> "2"
  std::optional<std::string> argument;          // the model as an argument of the command
  std::vector<std::string> models;              // several of them, for who serves several
  std::vector<std::string> adapters;            // "NAME=FOLDER"
  bool quiet = false;
  bool verbose = false;
  bool shows_model = false;    // the command prints which model it uses
  bool strict_config = false;  // what the configuration warns of is an error
};

// Declares -m, --model.
void add_model_name(CLI::App& command, ModelOptions& options);
// The same, to be repeated for several models.
void add_model_names(CLI::App& command, ModelOptions& options);

// Declares --adapter NAME=FOLDER, to be repeated.
void add_adapter_option(CLI::App& command, std::vector<std::string>& adapters);

// Throws Error kInvalidArgument for a name that is given twice: one of the two would be ignored.
void check_adapters(const std::vector<std::string>& adapters);

// Adds "NAME=FOLDER" to such a list. Throws Error kInvalidArgument for another form.
void add_adapter(const std::string& text, std::vector<std::pair<std::string, std::string>>& all);

// Declares the argument MODEL, for commands that take nothing else.
void add_model_argument(CLI::App& command, ModelOptions& options);

// Declares --config, --quiet, --verbose and one option for every other key that a model has.
void add_model_options(CLI::App& command, ModelOptions& options);

// Declares one option for every key of the section `server`.
void add_server_options(CLI::App& command, ModelOptions& options);

// Defaults, then the file, the environment, the options. Throws Error as read_config.
ServerConfig read_settings(const ModelOptions& options, const CliContext& context);

// read_settings with the model that choose_model chooses, or the full name of each of several.
// Throws Error as both.
ServerConfig make_config(const ModelOptions& options, const CliContext& context);

// load_model of make_config, with a download before it as fetch_absent_model says. `check` sees
// what the model's small files say before weights are read, and throws what is wrong with the
// command. Notes of the load go to context.err unless quiet; what ModelInfo has,
// too, only where verbose.
Model load_chosen_model(const ModelOptions& options, CliContext& context,
                        const OutlineCheck& check = {});

}  // namespace nestvec
