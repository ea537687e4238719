// SPDX-License-Identifier: Apache-2.0
#include "compile/logit_score.h"

#include <filesystem>

#include "base/file.h"
#include "base/json.h"
#include "compile/config_keys.h"
#include "compile/families/family.h"
#include "config/small_files.h"

namespace nestvec {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostTemplateBytes = std::size_t{1} << 20;

// Of several in tokenizer_config.json the one called "default".
std::string template_in_config(const JsonValue& config) {
  const auto value = config.find("chat_template");
  if (!value) return "";
  if (value->kind() == JsonValue::Kind::kString) return std::string(value->string());
  for (const JsonValue& one : value->elements()) {
    if (one.at("name").string() == "default") return std::string(one.at("template").string());
  }
  return "";
}

struct NamedTemplate {
  std::string file;
  std::string source;
};

NamedTemplate chat_template_of(const std::string& folder) {
  const fs::path own = fs::path(folder) / "chat_template.jinja";
  if (is_file(own)) return {own.string(), read_file(own.string(), kMostTemplateBytes)};
  const auto config = load_if_there(folder, "tokenizer_config.json");
  if (!config) return {};
  return {config->name() + ": chat_template", template_in_config(config->root())};
}

// The module LogitScore of modules.json, if it has one.
std::optional<JsonValue> logit_module(const JsonDocument& modules) {
  for (const JsonValue& module : modules.root().elements()) {
    const std::string_view type = module.at("type").string();
    if (type.starts_with("sentence_transformers.") && type.ends_with(".LogitScore")) return module;
  }
  return std::nullopt;
}

std::uint32_t checked_token(const JsonValue& value, const ModelSpec& spec) {
  const std::int64_t id = integer_of(value);
  if (id < 0 || id >= static_cast<std::int64_t>(spec.vocabulary)) {
    throw value.error("is not a token of the vocabulary");
  }
  return static_cast<std::uint32_t>(id);
}

std::vector<std::uint32_t> stated_tokens(const std::string& folder, const JsonValue& module,
                                         const ModelSpec& spec) {
  const std::string place(module.at("path").string());
  const bool outside = place.empty() || place.find("..") != std::string::npos || place[0] == '/';
  if (outside) throw unsupported(module, "expected the name of a folder in \"path\"");
  const JsonDocument file = JsonDocument::load((fs::path(folder) / place / "config.json").string());
  const JsonValue config = file.root();
  if (const auto input = config.find("module_input_name");
      input && input->string() != "causal_logits") {
    throw unsupported(*input, "is not supported; causal_logits is");
  }
  std::vector<std::uint32_t> tokens = {checked_token(config.at("true_token_id"), spec)};
  if (const auto no = config.find("false_token_id")) tokens.push_back(checked_token(*no, spec));
  return tokens;
}

// "yes" and "no", by which sentence-transformers scores where no file names tokens.
std::vector<std::uint32_t> usual_tokens(const std::string& folder, const ModelSpec& spec) {
  const JsonDocument tokenizer = JsonDocument::load((fs::path(folder) / "tokenizer.json").string());
  const JsonValue vocabulary = tokenizer.root().at("model").at("vocab");
  return {checked_token(vocabulary.at("yes"), spec), checked_token(vocabulary.at("no"), spec)};
}

}  // namespace

std::optional<PairTemplate> find_pair_template(const std::string& folder) {
  const NamedTemplate found = chat_template_of(folder);
  try {
    return parse_pair_template(found.source);
  } catch (const Error& error) {
    throw Error(error.code(), found.file + ": " + error.what());
  }
}

bool scores_by_logit(const std::string& folder, const JsonValue& config) {
  if (!first_architecture(config).ends_with("ForCausalLM")) return false;
  if (const auto modules = load_if_there(folder, "modules.json")) {
    return logit_module(*modules).has_value();
  }
  return find_pair_template(folder).has_value();
}

void read_logit_score(const std::string& folder, const JsonValue& config, ModelSpec& spec) {
  if (!scores_by_logit(folder, config)) return;
  if (find_family(spec.family)->classifier.decoder.empty()) {
    throw unsupported(config.at("architectures"),
                      "scores of a language model of this family are not supported");
  }
  HeadSpec::Classifier head = {.activation = Activation::kNone, .outputs = 1};
  head.pooling = HeadPooling::kLast;
  head.dense = false;
  head.outputs_bias = false;
  head.tied = flag_or(config, "tie_word_embeddings", false);
  const auto modules = load_if_there(folder, "modules.json");
  head.tokens =
      modules ? stated_tokens(folder, *logit_module(*modules), spec) : usual_tokens(folder, spec);
  spec.head.classifier = head;
}

}  // namespace nestvec
