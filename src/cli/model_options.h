// SPDX-License-Identifier: Apache-2.0
// The flags by which every command finds its model, and the texts that commands read.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <istream>
#include <string>
#include <vector>

#include "cli/context.h"
#include "nestvec/model.h"

namespace nestvec {

struct ModelOptions {
  std::string model;      // folder or repository
  std::string config;     // config.yaml
  std::string precision;  // empty = the configuration's
  bool quiet = false;
};

// Declares --model, --config, --precision and --quiet.
void add_model_options(CLI::App& command, ModelOptions& options);

// The model named by --model, else by the config file, else by NESTVEC_MODEL, else the small default
// model where `make quickstart` put it. Notes of the load go to context.err unless quiet.
// Throws Error as load_model, and kNotFound when nothing names a model.
Model load_chosen_model(const ModelOptions& options, CliContext& context);

// The folder of the small default model: $NESTVEC_CACHE/models/all-MiniLM-L6-v2, with ~/.cache/nestvec
// for an unset NESTVEC_CACHE.
std::string default_model_folder(const Environment& environment);

// Calls `use` with each line of `in`, without its line end ("\n" or "\r\n").
void for_each_line(std::istream& in, const std::function<void(std::string&)>& use);

// The "text" of a JSON line. `name` stands in errors ("line 3 of -"). Throws Error kInvalidArgument.
std::string text_of_json_line(const std::string& line, const std::string& name);

}  // namespace nestvec
