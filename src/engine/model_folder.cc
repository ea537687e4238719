// SPDX-License-Identifier: Apache-2.0
#include "engine/model_folder.h"

#include <filesystem>
#include <optional>

#include "base/json.h"
#include "compile/artefact.h"
#include "compile/logit_score.h"
#include "config/folder_advice.h"
#include "config/onnx_names.h"
#include "config/small_files.h"
#include "engine/read_modules.h"
#include "engine/read_text_rules.h"
#include "engine/unsupported.h"
#include "weights/model_weights.h"
#include "weights/torch_file.h"

namespace nestvec {
namespace {

namespace fs = std::filesystem;

Error missing(const std::string& folder, const std::string& what) {
  return Error(ErrorCode::kNotFound,
               folder + ": " + what +
                   "; expected a model folder as Hugging Face lays it out (config.json, "
                   "tokenizer.json, and model.safetensors or onnx/model.onnx)");
}

// A folder of safetensors files counts by its index.
void find_weights(const fs::path& path, ModelFolder& folder) {
  folder.has_safetensors =
      is_file(path / "model.safetensors") || is_file(path / "model.safetensors.index.json");
  folder.onnx = find_onnx(folder.path);
  folder.has_torch =
      !folder.has_safetensors && folder.onnx.empty() && !torch_files(folder.path).empty();
  if (!has_checkpoint(folder) && folder.onnx.empty()) {
    throw missing(folder.path, "holds neither model.safetensors nor onnx/model.onnx" +
                                   advice_for_other_weights(folder.path));
  }
  const std::vector<std::string> graphs = find_onnx_graphs(folder.path);
  if (!folder.has_safetensors && graphs.size() > 1) {
    folder.notes.push_back("of " + std::to_string(graphs.size()) + " ONNX files " + graphs.front() +
                           " is used");
  }
}

// transformers would add a LoRA to the weights beside it.
void refuse_adapter(const fs::path& path) {
  const fs::path file = path / "adapter_config.json";
  if (!is_file(file)) return;
  throw Error(ErrorCode::kUnimplemented,
              file.string() +
                  ": an adapter beside the weights is not supported: merge it into them (peft: "
                  "merge_and_unload), or remove it");
}

std::size_t dimensions_of(const JsonValue& value) {
  const std::optional<std::int64_t> dimensions = value.whole_number();
  if (!dimensions || *dimensions < 1) throw value.error("expected a number of at least 1");
  return static_cast<std::size_t>(*dimensions);
}

// A null is what Python's None becomes: no prompt.
void read_prompts(const JsonValue& prompts, ModelFolder& folder) {
  for (const auto& [name, prompt] : prompts.members()) {
    folder.prompts.emplace_back(name, prompt.is_null() ? "" : prompt.string());
  }
}

// What stands on the encoder, where it is no language model's.
std::string head_of(const JsonValue& config) {
  const std::optional<JsonValue> list = config.find("architectures");
  if (!list || list->size() == 0) return "";
  const std::string name(list->elements()[0].string());
  for (const char* head :
       {"ForSequenceClassification", "ForTokenClassification", "ForQuestionAnswering",
        "ForMultipleChoice", "ForNextSentencePrediction"}) {
    if (name.ends_with(head)) return "config.json: architectures: " + name;
  }
  return "";
}

void read_sentence_transformers(const JsonValue& config, ModelFolder& folder) {
  const std::optional<JsonValue> type = config.find("model_type");
  const bool scores = folder.is_classifier && type && type->string() == "CrossEncoder";
  const bool sparse = folder.is_splade && type && type->string() == "SparseEncoder";
  if (type && type->string() != "SentenceTransformer" && !scores && !sparse) {
    throw unsupported_value(
        *type, "\"" + std::string(type->string()) + "\" is not supported; SentenceTransformer is");
  }
  if (const auto prompts = config.find("prompts")) read_prompts(*prompts, folder);
  if (const auto name = config.find("default_prompt_name")) folder.default_prompt = name->string();
  if (const auto size = config.find("truncate_dim")) folder.dimensions = dimensions_of(*size);
}

void read_config(const JsonValue& config, ModelFolder& folder) {
  if (folder.prompts.empty()) {
    if (const auto prompts = config.find("task_instructions")) read_prompts(*prompts, folder);
  }
  if (folder.dimensions > 0) return;
  if (const auto size = config.find("truncate_dim")) folder.dimensions = dimensions_of(*size);
}

// The same of a folder whose config.json says nothing: a tensor of a head.
std::string head_among_weights(const ModelFolder& folder) {
  if (!has_checkpoint(folder)) return "";
  const WeightSet weights = read_model_weights(folder.path);
  for (const TensorView& tensor : weights.tensors()) {
    for (const std::string_view head : {"classifier.", "qa_outputs.", "score.weight"}) {
      const std::size_t place = tensor.name.find(head);
      const bool found =
          place == 0 || (place != std::string::npos && tensor.name[place - 1] == '.');
      if (found) return "its weights have " + tensor.name;
    }
  }
  return "";
}

}  // namespace

ModelFolder read_model_folder(const std::string& name) {
  const fs::path path = name;
  ModelFolder folder;
  folder.path = name;
  std::error_code ignored;
  if (!fs::is_directory(path, ignored)) throw missing(name, "no such folder");
  if (!is_file(path / "config.json")) throw missing(name, "config.json is missing");
  folder.tokenizer = (path / "tokenizer.json").string();
  if (!is_file(folder.tokenizer)) {
    throw missing(name, "tokenizer.json is missing" + advice_for_other_tokenizer(name));
  }
  folder.is_compiled = is_artefact(name);
  if (!folder.is_compiled) {
    refuse_adapter(path);
    find_weights(path, folder);
  }
  const JsonDocument config = JsonDocument::load((path / "config.json").string());
  folder.head = head_of(config.root());
  folder.is_logit_score = scores_by_logit(name, config.root());
  folder.is_classifier =
      folder.is_logit_score || folder.head.ends_with("ForSequenceClassification");
  read_modules(folder);
  read_text_rules(folder);
  if (const auto own = load_if_there(name, "config_sentence_transformers.json")) {
    read_sentence_transformers(own->root(), folder);
  }
  read_config(config.root(), folder);
  return folder;
}

void settle_pooling(const RuntimeOptions& runtime, ModelFolder& folder) {
  if (const std::optional<Pooling> chosen = find_pooling(runtime.pooling)) {
    folder.pooling = *chosen;
    folder.names_pooling = true;
  }
  if (runtime.normalize != "auto") {
    folder.normalize = runtime.normalize == "true";
    folder.names_normalization = true;
  }
  if (!folder.names_pooling && folder.head.empty()) folder.head = head_among_weights(folder);
  if (folder.head.empty()) return;
  if (!folder.names_pooling) {
    throw Error(ErrorCode::kInvalidArgument,
                folder.path + ": " + folder.head +
                    ": this is a classifier or reranker, not an embedding model; set "
                    "runtime.pooling to mean, cls or lasttoken to embed with its encoder "
                    "nevertheless");
  }
  folder.notes.push_back("warning: " + folder.path + ": " + folder.head +
                         ": only the encoder is used, not the classifier");
}

std::string guessed_pooling(const ModelFolder& folder) {
  std::string guess;
  std::string keys;
  if (!folder.names_pooling) {
    guess = "the mean of the tokens is used";
    keys = "runtime.pooling";
  }
  if (!folder.names_normalization) {
    guess += std::string(guess.empty() ? "" : " and ") +
             (folder.normalize ? "vectors are normalised" : "vectors are not normalised");
    keys += std::string(keys.empty() ? "" : " and ") + "runtime.normalize";
  }
  if (guess.empty()) return "";
  return "warning: " + folder.path + ": no file says how tokens become a vector (modules.json, " +
         "1_Pooling/config.json): " + guess + "; " + keys + " can override this";
}

}  // namespace nestvec
