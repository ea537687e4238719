// SPDX-License-Identifier: Apache-2.0
// A model folder as Hugging Face and sentence-transformers lay it out.
#pragma once

#include <cstddef>
#include <string>

#include "engine/plan.h"
#include "engine/tasks.h"

namespace nestvec {

// What the folder's small files say. No key that the family does not need is required.
struct ModelFolder {
  std::string path;
  std::string tokenizer;         // tokenizer.json
  std::string onnx;              // as find_onnx; empty if there is none
  bool has_safetensors = false;  // model.safetensors or its index
  bool is_compiled = false;      // an artefact: its graph is what runs
  Pooling pooling = Pooling::kMean;
  bool normalize = true;
  std::size_t max_tokens = 0;  // 0 where no file limits it
  Prompts prompts;             // by name, in file order
  std::string default_prompt;  // default_prompt_name; empty where there is none
};

// Reads modules.json, 1_Pooling/config.json, config_sentence_transformers.json,
// sentence_bert_config.json, tokenizer_config.json and config.json, those that are there.
// Throws Error: kNotFound (no folder, no config.json, no tokenizer.json, neither weights nor
// graph), kInvalidArgument (a broken file), kUnimplemented (a pooling other than mean and CLS).
ModelFolder read_model_folder(const std::string& path);

}  // namespace nestvec
