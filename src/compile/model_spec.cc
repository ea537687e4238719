// SPDX-License-Identifier: Apache-2.0
#include "compile/model_spec.h"

#include <algorithm>
#include <filesystem>

#include "base/json.h"
#include "compile/adapter_folders.h"
#include "compile/config_keys.h"
#include "compile/families/family.h"
#include "compile/read_heads.h"
#include "tokenizer/read_token_types.h"

namespace nestvec {
namespace {

void read_matryoshka_dimensions(const JsonValue& config, ModelSpec& spec) {
  const auto dimensions = config.find("matryoshka_dimensions");
  if (!dimensions) return;
  for (const JsonValue& dimension : dimensions->elements()) {
    spec.matryoshka_dimensions.push_back(
        checked_size(dimension, static_cast<std::int64_t>(spec.hidden)));
  }
}

// As many as there are labels; two where the file names none, as in transformers.
std::size_t outputs_of(const JsonValue& config) {
  constexpr std::int64_t kMostLabels = 1 << 16;
  const auto labels = config.find("id2label");
  if (!labels || labels->size() == 0) return size_or(config, "num_labels", kMostLabels, 2);
  if (labels->size() > kMostLabels) throw labels->error("has too many labels");
  return labels->size();
}

// The first entry of "architectures" says what stands on the encoder; others are only related.
void read_head(const JsonValue& config, const FamilyClassifier& family, ModelSpec& spec) {
  if (!first_architecture(config).ends_with("ForSequenceClassification")) return;
  if (family.outputs.empty()) {
    throw unsupported(config.at("architectures"),
                      "classifiers of this family are not supported; embedding models are");
  }
  if (!spec.adapters.tasks.empty()) {
    throw unsupported(config.at("architectures"),
                      "a classifier with adapters is not supported: merge one into the weights");
  }
  // Tanh in BERT's pooler and RoBERTa's head alike, whatever hidden_act is.
  HeadSpec::Classifier head = {.outputs = outputs_of(config)};
  if (family.read != nullptr) family.read(config, head);
  spec.head.classifier = head;
}

// A table of one row has no types to choose from: the families that have one do not use them.
void read_types(const std::string& folder, ModelSpec& spec) {
  if (spec.token_types < 2 && spec.family != kBert.name) return;
  TokenTypes types = read_token_types(folder);
  if (!types.any()) return;
  if (types.largest() >= spec.token_types) {
    throw Error(ErrorCode::kInvalidArgument,
                (std::filesystem::path(folder) / "tokenizer.json").string() +
                    ": post_processor: type_id " + std::to_string(types.largest()) +
                    " is not below config.json's type_vocab_size of " +
                    std::to_string(spec.token_types));
  }
  if (!spec.adapters.tasks.empty()) {
    throw Error(ErrorCode::kUnimplemented,
                (std::filesystem::path(folder) / "tokenizer.json").string() +
                    ": post_processor: a type_id other than 0 is not supported for a model with "
                    "adapters");
  }
  spec.text_types = std::move(types);
}

}  // namespace

ModelSpec parse_model_spec(const JsonValue& config) {
  const Family& family = family_of(config);
  ModelSpec spec = family.read(config);
  spec.family = family.name;
  read_matryoshka_dimensions(config, spec);
  read_head(config, family.classifier, spec);
  return spec;
}

std::size_t ModelSpec::type_rows() const {
  constexpr std::size_t kMost = 256;  // a token's type is a byte
  const std::size_t used = text_types.largest() + std::size_t{1};
  return takes_types() ? std::max(used, std::min(token_types, kMost)) : used;
}

ModelSpec read_model_spec(const std::string& folder, const AdapterFolders& adapters) {
  const JsonDocument document =
      JsonDocument::load((std::filesystem::path(folder) / "config.json").string());
  ModelSpec spec = parse_model_spec(document.root());
  const Family& family = *find_family(spec.family);
  if (!family.adapters.empty()) read_adapter_folders(folder, document.root(), family, spec);
  add_adapters(folder, adapters, spec);
  read_types(folder, spec);
  read_heads(folder, document.root(), spec);
  return spec;
}

}  // namespace nestvec
