// SPDX-License-Identifier: Apache-2.0
// The flags of `nestvec embed`, of texts and of files.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "cli/model_options.h"
#include "nestvec/model.h"

namespace nestvec {

// Those that only --input knows.
struct BulkFlags {
  std::vector<std::string> inputs;
  std::string input_format;
  std::string field = "text";
  std::string id;
  std::string task_field;
  std::string delimiter;
  bool force_text = false;
  std::string dtype = "float32";
  std::string on_error = "fail";
  std::string progress = "auto";
  double checkpoint_seconds = 5;
  bool dedupe = false;
  bool resume = false;
  bool restart = false;
};

struct EmbedFlags {
  ModelOptions model;
  std::vector<std::string> texts;
  std::string file;
  std::string format = "json";
  std::string output;
  std::string truncate = "right";
  std::size_t dimensions = 0;
  bool dimensions_given = false;
  bool format_given = false;
  bool json_lines = false;
  bool no_prompt = false;
  bool no_normalize = false;
  bool no_special = false;
  bool sparse = false;
  EmbedOptions options;
  BulkFlags bulk;
};

// What the flags ask of the model, whose outline is enough: dimensions that it does not tell are
// not checked. Throws Error kInvalidArgument for a task or dimensions that it lacks.
EmbedOptions embed_options(const EmbedFlags& flags, const ModelInfo& model);

// Throws Error kInvalidArgument where --sparse goes with an option for dense vectors.
void check_sparse_flags(const EmbedFlags& flags);

}  // namespace nestvec
