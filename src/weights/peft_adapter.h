// SPDX-License-Identifier: Apache-2.0
// Reads a LoRA adapter folder as PEFT writes it (https://huggingface.co/docs/peft, "checkpoint
// format").
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "weights/module_pattern.h"
#include "weights/weight_set.h"

namespace nestvec {

// adapter_config.json, as far as inference needs it. Modules are named as the adapter's tensors
// are.
struct PeftConfig {
  std::size_t rank = 0;  // of modules that rank_pattern does not name
  double alpha = 0;      // likewise, and alpha_pattern
  bool rank_stabilised = false;
  std::vector<std::pair<ModulePattern, std::size_t>> ranks;  // the first one that matches counts
  std::vector<std::pair<ModulePattern, double>> alphas;
  std::vector<std::string>
      target_modules;  // last parts of module names; empty where it is a pattern

  // True for a module that the adapter must have weights for.
  bool targets(const std::string& module) const;
  std::size_t rank_of(std::string_view module) const;
  std::size_t largest_rank() const;
  // lora_alpha / r, or lora_alpha / sqrt(r) with use_rslora.
  float scaling_of(std::string_view module) const;
};

// Reads FOLDER/adapter_config.json. Throws Error: kNotFound, kInvalidArgument (a key is missing or
// of the wrong type), kUnimplemented (another method than plain LoRA: DoRA, trained biases; a
// regular expression that ModulePattern does not know).
PeftConfig read_peft_config(const std::string& folder);

// The same of the file's root.
PeftConfig parse_peft_config(const JsonValue& config);

// True where FOLDER/adapter_config.json is there.
bool is_peft_folder(const std::string& folder);

// Maps FOLDER/adapter_model.safetensors, or its shards, else adapter_model.bin. Throws Error as
// read_safetensors_folder and read_torch_file.
WeightSet read_peft_weights(const std::string& folder);

// The folder's files: its configuration, and those that read_peft_weights would map.
std::vector<std::string> peft_files(const std::string& folder);

}  // namespace nestvec
