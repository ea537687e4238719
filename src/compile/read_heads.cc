// SPDX-License-Identifier: Apache-2.0
#include "compile/read_heads.h"

#include <algorithm>
#include <filesystem>
#include <optional>

#include "base/excerpt.h"
#include "base/json.h"
#include "compile/config_keys.h"
#include "compile/encoder_weights.h"
#include "compile/families/family.h"
#include "compile/logit_score.h"
#include "config/small_files.h"
#include "weights/safetensors.h"

namespace nestvec {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kMostUnnamed = 4096;  // outputs, as of labels that have names

std::string head_file(const std::string& folder, const std::string& stem) {
  for (const char* ending : {".safetensors", ".pt"}) {
    const fs::path path = fs::path(folder) / (stem + ending);
    if (is_file(path)) return path.string();
  }
  return "";
}

Error not_supported(const JsonValue& where, const std::string& what) {
  return Error(ErrorCode::kUnimplemented, where.error(what).what());
}

// Numbers of a token's vector: rows of the weight.
std::size_t vector_width(const std::string& file, const ModelSpec& spec) {
  const WeightSet set = read_head_weights(file);
  const TensorView* weight = set.find("weight");
  const bool fits = weight != nullptr && weight->shape.size() == 2 && weight->shape[0] > 0 &&
                    weight->shape[0] <= 1 << 16 &&
                    weight->shape[1] == static_cast<std::int64_t>(spec.hidden);
  if (fits) return static_cast<std::size_t>(weight->shape[0]);
  throw Error(ErrorCode::kInvalidArgument, file + ": expected a tensor weight of shape [n, " +
                                               std::to_string(spec.hidden) + "], found " +
                                               (weight == nullptr ? "none" : weight->shape_text()));
}

// The module SpladePooling of modules.json, if it has one.
std::optional<JsonValue> splade_module(const JsonDocument& modules) {
  for (const JsonValue& module : modules.root().elements()) {
    const std::string_view type = module.at("type").string();
    if (type.starts_with("sentence_transformers.") && type.ends_with(".SpladePooling")) {
      return module;
    }
  }
  return std::nullopt;
}

std::string_view text_at(const JsonValue& config, std::string_view key, std::string_view fallback) {
  const auto value = config.find(key);
  return value ? value->string() : fallback;
}

void read_pooling(const JsonValue& config, HeadSpec::Vocabulary& head) {
  const std::string_view strategy = text_at(config, "pooling_strategy", "max");
  if (strategy != "max" && strategy != "sum") {
    throw not_supported(config.at("pooling_strategy"),
                        "\"" + excerpt(strategy) + "\" is not supported; max and sum are");
  }
  head.pooling = strategy == "max" ? VocabularyPooling::kMax : VocabularyPooling::kSum;
  const std::string_view activation = text_at(config, "activation_function", "relu");
  if (activation != "relu" && activation != "log1p_relu") {
    throw not_supported(
        config.at("activation_function"),
        "\"" + excerpt(activation) + "\" is not supported; relu and log1p_relu are");
  }
  head.scale = activation == "relu" ? VocabularyScale::kLog : VocabularyScale::kLogTwice;
}

void check_architecture(const JsonValue& config, const JsonValue& module) {
  const auto list = config.find("architectures");
  const bool masked =
      list && list->size() > 0 && list->elements()[0].string().ends_with("ForMaskedLM");
  if (masked) return;
  throw not_supported(module,
                      "SpladePooling needs a masked language model, and config.json's "
                      "architectures does not begin with one (BertForMaskedLM)");
}

void read_splade(const std::string& folder, const JsonValue& config, ModelSpec& spec) {
  const std::optional<JsonDocument> modules = load_if_there(folder, "modules.json");
  if (!modules) return;
  const std::optional<JsonValue> module = splade_module(*modules);
  if (!module) return;
  check_architecture(config, *module);
  HeadSpec::Vocabulary head;
  // RoBERTa's head has its own activation, whatever hidden_act is.
  head.activation = spec.family == "bert" ? spec.activation : Activation::kGelu;
  const auto tied = config.find("tie_word_embeddings");
  head.tied = !tied || tied->boolean();
  const std::string place(text_at(*module, "path", ""));
  const bool outside = place.empty() || place.find("..") != std::string::npos || place[0] == '/';
  if (outside) throw not_supported(*module, "expected the name of a folder in \"path\"");
  if (const auto pooling = load_if_there((fs::path(folder) / place).string(), "config.json")) {
    read_pooling(pooling->root(), head);
  }
  spec.head.vocabulary = head;
}

// Whether config.json leaves it to the weights whether there is a classifier, or how wide it is.
bool leaves_head_open(const JsonValue& config) {
  const std::string architecture = first_architecture(config);
  if (architecture.ends_with("ForSequenceClassification")) {
    return !config.find("id2label") && !config.find("num_labels");
  }
  return architecture.empty() || architecture.ends_with("Model") ||
         architecture.ends_with("ForMaskedLM");
}

void read_unnamed_classifier(const std::string& folder, const JsonValue& config, ModelSpec& spec) {
  const FamilyClassifier& family = find_family(spec.family)->classifier;
  if (!family.may_be_unnamed || !spec.adapters.tasks.empty() || !leaves_head_open(config)) return;
  if (safetensors_files(folder).empty()) return;
  const WeightSet weights = read_safetensors_folder(folder);
  const TensorView* outputs = weights.find(std::string(family.outputs) + ".weight");
  const std::int64_t rows = outputs == nullptr || outputs->shape.empty() ? 0 : outputs->shape[0];
  if (rows < 1 || rows > kMostUnnamed) return;
  HeadSpec::Classifier head = spec.head.classifier.value_or(HeadSpec::Classifier{});
  head.outputs = static_cast<std::size_t>(rows);
  spec.head.classifier = head;
}

}  // namespace

TokenHeadFiles find_token_heads(const std::string& folder) {
  TokenHeadFiles files = {head_file(folder, "sparse_linear"), head_file(folder, "colbert_linear")};
  if (files.weights.empty() || files.vectors.empty()) return {};
  return files;
}

void read_heads(const std::string& folder, const JsonValue& config, ModelSpec& spec) {
  read_splade(folder, config, spec);
  read_logit_score(folder, config, spec);
  read_unnamed_classifier(folder, config, spec);
  const TokenHeadFiles files = find_token_heads(folder);
  if (!files.weights.empty() && spec.head.vocabulary) {
    throw Error(ErrorCode::kUnimplemented,
                files.weights +
                    ": a second kind of sparse vectors beside SpladePooling is not "
                    "supported; remove one of them");
  }
  if (!files.weights.empty()) {
    spec.head.token_weights = true;
    spec.head.token_vectors = vector_width(files.vectors, spec);
  }
  if (spec.head.any_sparse() && !spec.adapters.tasks.empty()) {
    throw Error(ErrorCode::kUnimplemented,
                folder + ": sparse vectors of a model with adapters are not supported");
  }
}

}  // namespace nestvec
