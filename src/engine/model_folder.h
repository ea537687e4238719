// SPDX-License-Identifier: Apache-2.0
// A model folder as Hugging Face and sentence-transformers lay it out; docs/models.md says what
// each file and key does.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "engine/module_step.h"
#include "engine/plan.h"
#include "engine/tasks.h"
#include "nestvec/config.h"
#include "tokenizer/tokenizer.h"

namespace nestvec {

// What the folder's small files say. No key that the family does not need is required.
struct ModelFolder {
  std::string path;
  std::string tokenizer;         // tokenizer.json
  std::string onnx;              // as find_onnx; empty if there is none
  bool has_safetensors = false;  // model.safetensors or its index
  bool has_torch = false;        // pytorch_model.bin or its index, and neither of the others
  bool is_compiled = false;      // an artefact: its graph is what runs
  Pooling pooling = Pooling::kMean;
  bool include_prompt = true;  // in the pooled tokens
  bool normalize = true;
  bool names_pooling = false;        // else `pooling` is a guess
  bool names_normalization = false;  // else `normalize` is one
  std::vector<ModuleStep> modules;   // behind the pooling
  bool is_splade = false;            // SpladePooling: sparse vectors of a masked language model
  std::string head;                  // what shows a classifier, for messages; empty for an encoder
  bool is_classifier = false;        // of texts or pairs of texts, by config.json
  bool is_logit_score = false;       // one that is a language model
  std::size_t max_tokens = 0;        // 0 where no file limits it
  std::size_t dimensions = 0;        // truncate_dim: of a vector unless asked; 0 = all
  // Of a text that is too long its end counts; empty where tokenizer.json decides.
  std::optional<bool> truncates_left;
  NormalizerChanges normalizer;    // what other files say beside tokenizer.json
  Prompts prompts;                 // by name, in file order
  std::string default_prompt;      // default_prompt_name; empty where there is none
  std::vector<std::string> notes;  // what the user should know, a line each
};

// Whether it holds tensors that a graph is made from, beside an ONNX file.
inline bool has_checkpoint(const ModelFolder& folder) {
  return folder.has_safetensors || folder.has_torch;
}

// Reads modules.json, N_Pooling/config.json, config_sentence_transformers.json, the
// sentence_..._config.json, tokenizer_config.json and config.json, those that are there. Throws
// Error: kNotFound (no folder, no config.json, no tokenizer.json, neither weights nor graph),
// kInvalidArgument (a broken file), kDataLoss (no JSON), kUnimplemented (what changes a vector and
// is not supported, with file and key).
ModelFolder read_model_folder(const std::string& path);

// Lets runtime.pooling and runtime.normalize decide instead of the files. Throws Error
// kInvalidArgument for a classifier whose pooling nobody names.
void settle_pooling(const RuntimeOptions& runtime, ModelFolder& folder);

// A note on what neither the files nor the configuration say; empty where they say it all.
std::string guessed_pooling(const ModelFolder& folder);

}  // namespace nestvec
