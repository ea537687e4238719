// SPDX-License-Identifier: Apache-2.0
#include "engine/read_score_rules.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

#include "base/json.h"
#include "compile/logit_score.h"
#include "config/small_files.h"
#include "engine/unsupported.h"
#include "tokenizer/read_token_types.h"

namespace nestvec {
namespace {

// A published classifier has some dozens at most; each is a row of weights and of every answer.
constexpr std::size_t kMostLabels = 4096;

struct NamedActivation {
  std::string_view path;
  ScoreActivation activation;
};

// By the names that sentence-transformers writes and by those that people write.
constexpr std::array<NamedActivation, 6> kTorchActivations = {{
    {"torch.nn.modules.activation.Sigmoid", ScoreActivation::kSigmoid},
    {"torch.nn.Sigmoid", ScoreActivation::kSigmoid},
    {"torch.nn.modules.linear.Identity", ScoreActivation::kNone},
    {"torch.nn.Identity", ScoreActivation::kNone},
    {"torch.nn.modules.activation.Softmax", ScoreActivation::kSoftmax},
    {"torch.nn.Softmax", ScoreActivation::kSoftmax},
}};

ScoreActivation activation_at(const JsonValue& value) {
  const std::string_view path = value.string();
  for (const NamedActivation& known : kTorchActivations) {
    if (known.path == path) return known.activation;
  }
  throw unsupported_value(value, "the activation function \"" + std::string(path) +
                                     "\" is not supported; Sigmoid, Identity and Softmax of "
                                     "torch.nn are");
}

// The first place that sentence-transformers looks at and that says something.
std::optional<ScoreActivation> named_activation(const std::string& folder,
                                                const JsonValue& config) {
  if (const auto own = load_if_there(folder, "config_sentence_transformers.json")) {
    const JsonValue root = own->root();
    if (const auto value = root.find("activation_fn")) return activation_at(*value);
  }
  if (const auto own = config.find("sentence_transformers")) {
    if (const auto value = own->find("activation_fn")) return activation_at(*value);
  }
  if (const auto value = config.find("sbert_ce_default_activation_function")) {
    return activation_at(*value);
  }
  return std::nullopt;
}

// As transformers' text classification pipeline, but that one label is a score between 0 and 1, as
// it is to sentence-transformers.
ScoreActivation default_activation(const JsonValue& config, std::size_t labels) {
  if (labels == 1) return ScoreActivation::kSigmoid;
  const auto type = config.find("problem_type");
  if (!type) return ScoreActivation::kSoftmax;
  const std::string_view name = type->string();
  if (name == "multi_label_classification") return ScoreActivation::kSigmoid;
  if (name == "regression") return ScoreActivation::kNone;
  if (name == "single_label_classification") return ScoreActivation::kSoftmax;
  throw type->error(
      "expected single_label_classification, multi_label_classification or "
      "regression");
}

std::vector<std::string> numbered_labels(const JsonValue& config, std::size_t count) {
  if (const auto value = config.find("num_labels")) {
    const auto number = value->whole_number();
    if (!number || *number < 1 || *number > static_cast<std::int64_t>(kMostLabels)) {
      throw value->error("expected a number between 1 and 4096");
    }
    count = static_cast<std::size_t>(*number);
  }
  std::vector<std::string> labels;
  for (std::size_t i = 0; i < count; ++i) labels.push_back("LABEL_" + std::to_string(i));
  return labels;
}

// {"0": "negative", "1": "positive"}, in any order.
std::vector<std::string> labels_of(const JsonValue& config, std::size_t unstated) {
  const auto named = config.find("id2label");
  if (!named || named->size() == 0) return numbered_labels(config, std::min(unstated, kMostLabels));
  if (named->size() > kMostLabels) throw named->error("more than 4096 labels");
  const auto members = named->members();
  std::vector<std::string> labels(members.size());
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const std::optional<JsonValue> label = named->find(std::to_string(i));
    if (!label) {
      throw named->error("expected a name for each of the outputs 0 to " +
                         std::to_string(labels.size() - 1) + "; \"" + std::to_string(i) +
                         "\" is missing");
    }
    labels[i] = label->string();
  }
  return labels;
}

PairTruncation truncation_at(const JsonValue& rule) {
  if (rule.kind() == JsonValue::Kind::kBool && rule.boolean()) return PairTruncation::kLongestFirst;
  if (rule.kind() == JsonValue::Kind::kString) {
    if (rule.string() == "longest_first") return PairTruncation::kLongestFirst;
    if (rule.string() == "only_second") return PairTruncation::kOnlySecond;
  }
  throw unsupported_value(rule, "is not supported; true, longest_first and only_second are");
}

// Of the templates that are supported none asks for it.
void check_template_arguments(const JsonValue& values) {
  for (const auto& [name, value] : values.members()) {
    if (name == "add_generation_prompt" || value.is_null()) continue;
    throw unsupported_value(value, "is not supported; add_generation_prompt is");
  }
}

// What sentence-transformers calls the tokenizer with: {"text": {"truncation": "only_second"}}.
void read_arguments(const JsonValue& arguments, ScoreRules& rules) {
  for (const auto& [modality, values] : arguments.members()) {
    if (values.is_null() || values.size() == 0) continue;
    if (modality == "chat_template") {
      check_template_arguments(values);
      continue;
    }
    if (modality != "text") {
      throw unsupported_value(values, "is not supported; arguments for \"text\" are");
    }
    for (const auto& [name, value] : values.members()) {
      if (value.is_null() || name == "padding") continue;  // nothing here pads
      if (name == "truncation") {
        rules.truncation = truncation_at(value);
      } else if (name == "max_length") {
        const auto length = value.whole_number();
        if (!length || *length < 1) throw value.error("expected a number of at least 1");
        rules.max_tokens = static_cast<std::size_t>(*length);
      } else {
        throw unsupported_value(value, "is not supported; truncation, max_length and padding are");
      }
    }
  }
}

// As sentence-transformers, which lays a pair out by a template that is there, unless the
// modalities of the model are stated and "message" is none of them.
std::optional<PairTemplate> read_layout(const std::string& folder,
                                        const std::optional<JsonDocument>& sentence) {
  const auto stated = sentence ? sentence->root().find("modality_config") : std::nullopt;
  const auto message = stated ? stated->find("message") : std::nullopt;
  if (stated && !message) return std::nullopt;
  std::optional<PairTemplate> layout = find_pair_template(folder);
  if (!message) return layout;
  if (const auto format = message->find("format"); format && format->string() != "flat") {
    throw unsupported_value(*format, "is not supported; flat is");
  }
  if (layout) return layout;
  throw unsupported_value(*message,
                          "is not supported without a chat template that has a place "
                          "for a query and one for a document");
}

}  // namespace

ScoreRules read_score_rules(const std::string& folder, bool by_logit, std::size_t unstated) {
  const JsonDocument file = JsonDocument::load(folder + "/config.json");
  const JsonValue config = file.root();
  ScoreRules rules;
  rules.labels = by_logit ? std::vector<std::string>{"LABEL_0"} : labels_of(config, unstated);
  const std::optional<ScoreActivation> named = named_activation(folder, config);
  rules.names_activation = named.has_value();
  rules.activation = named ? *named : default_activation(config, rules.labels.size());
  const auto sentence = load_sentence_config(folder);
  if (sentence) {
    const JsonValue root = sentence->root();
    if (const auto arguments = root.find("processing_kwargs")) read_arguments(*arguments, rules);
  }
  rules.layout = read_layout(folder, sentence);
  rules.token_types = model_takes_types(folder);
  return rules;
}

const char* activation_name(ScoreActivation activation) {
  switch (activation) {
    case ScoreActivation::kSigmoid:
      return "sigmoid";
    case ScoreActivation::kSoftmax:
      return "softmax";
    default:
      return "none";
  }
}

}  // namespace nestvec
