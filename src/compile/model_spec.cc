// SPDX-License-Identifier: Apache-2.0
#include "compile/model_spec.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <optional>
#include <string_view>

#include "base/json.h"
#include "compile/config_keys.h"
#include "compile/families/family.h"
#include "tokenizer/read_token_types.h"
#include "weights/peft_adapter.h"

namespace nestvec {
namespace {

constexpr std::string_view kBert = "bert";
constexpr std::string_view kXlmRoberta = "xlm-roberta";
constexpr std::string_view kJina = "jina-embeddings-v3";

bool has_rotary_keys(const JsonValue& config) {
  return text_or(config, "position_embedding_type", "") == "rotary" ||
         config.find("rotary_emb_base") || config.find("rope_parameters");
}

std::string names_of_families() {
  std::string names;
  for (const Family& family : families()) names += ", " + std::string(family.name);
  return names;
}

// Checkpoints of one architecture were published under several model types, and with none.
std::string_view family_of(const JsonValue& config) {
  const std::string type = text_or(config, "model_type", "");
  const std::string architecture = first_architecture(config);
  const bool like_roberta = is_one_of(type, {"xlm-roberta", "roberta", "camembert"}) ||
                            (type.empty() && architecture.find("Roberta") != std::string::npos) ||
                            (type.empty() && architecture.find("RoBERTa") != std::string::npos);
  const bool untyped = type.empty() && architecture.empty();
  if (type == "jina_embeddings_v3") return kJina;
  if ((like_roberta || untyped) && (config.find("lora_adaptations") || has_rotary_keys(config))) {
    return kJina;
  }
  if (like_roberta) return kXlmRoberta;
  if (type == "bert" || (type.empty() && architecture.starts_with("Bert"))) return kBert;
  throw unsupported(config, "the family (model_type \"" + type + "\", architecture \"" +
                                architecture +
                                "\") is not supported; bert, xlm-roberta, roberta, camembert, "
                                "jina-embeddings-v3" +
                                names_of_families() + " are");
}

// rope_theta stands in rope_parameters since transformers 5, at the top before; the original
// publication of jina-embeddings-v3 has rotary_emb_base.
double rotary_base_of(const JsonValue& config) {
  std::optional<JsonValue> base = config.find("rotary_emb_base");
  if (!base) base = config.find("rope_theta");
  if (const auto rope = config.find("rope_parameters")) {
    const std::string type = text_or(*rope, "rope_type", "default");
    if (type != "default") {
      throw unsupported(*rope, "rope_type \"" + type + "\" is not supported; default is");
    }
    if (const auto part = rope->find("partial_rotary_factor"); part && part->number() != 1.0) {
      throw unsupported(*part, "rotation of a part of a head is not supported");
    }
    if (const auto theta = rope->find("rope_theta")) base = theta;
  }
  if (const auto scaling = config.find("rope_scaling")) {
    throw unsupported(*scaling, "scaled rotary positions are not supported");
  }
  // The defaults of the two publications' configuration classes.
  const bool native = text_or(config, "model_type", "") == "jina_embeddings_v3";
  if (!base) return native ? 20000.0 : 10000.0;
  if (!(base->number() > 1.0)) throw base->error("expected a number over 1");
  return base->number();
}

void read_positions(const JsonValue& config, ModelSpec& spec) {
  const std::size_t rows = checked_size(config.at("max_position_embeddings"), 1 << 24);
  const bool rotary_family = spec.family == kJina;
  const std::string kind =
      text_or(config, "position_embedding_type", rotary_family ? "rotary" : "absolute");
  if (kind == "rotary" && rotary_family) {
    spec.positions = PositionKind::kRotary;
    spec.rotary_base = rotary_base_of(config);
    spec.max_positions = rows;
    return;
  }
  if (kind != "absolute") {
    throw unsupported(config.at("position_embedding_type"),
                      "\"" + kind + "\" is not supported for the family " + spec.family + "; " +
                          (rotary_family ? "rotary and absolute are" : "absolute is"));
  }
  spec.positions = PositionKind::kAbsolute;
  spec.position_offset = spec.family == kBert ? 0 : static_cast<std::size_t>(spec.pad_id) + 1;
  if (rows <= spec.position_offset) {
    throw config.at("max_position_embeddings")
        .error("expected over " + std::to_string(spec.position_offset));
  }
  spec.max_positions = rows - spec.position_offset;
}

void check_heads(const JsonValue& config, const ModelSpec& spec) {
  if (spec.hidden % spec.heads != 0) {
    throw config.at("num_attention_heads")
        .error(std::to_string(spec.heads) + " heads do not divide hidden_size " +
               std::to_string(spec.hidden));
  }
  if (spec.positions == PositionKind::kRotary && spec.head_width() % 2 != 0) {
    throw config.at("num_attention_heads")
        .error("rotary positions need heads of even width, found " +
               std::to_string(spec.head_width()));
  }
  const auto width = config.find("head_dim");
  if (width && checked_size(*width, 1 << 16) != spec.head_width()) {
    throw unsupported(*width,
                      "heads of another width than hidden_size / num_attention_heads are "
                      "not supported");
  }
}

void read_base_adapters(const JsonValue& config, ModelSpec& spec) {
  const auto names = config.find("lora_adaptations");
  if (!names || names->size() == 0) return;
  for (const JsonValue& name : names->elements()) spec.adapters.tasks.emplace_back(name.string());
  spec.adapters.rank = checked_size(config.at("lora_rank"), 1024);
  const JsonValue alpha = config.at("lora_alpha");
  spec.adapters.scaling =
      static_cast<float>(alpha.number() / static_cast<double>(spec.adapters.rank));
  if (!std::isfinite(spec.adapters.scaling)) throw alpha.error("is not a usable number");
}

void read_matryoshka_dimensions(const JsonValue& config, ModelSpec& spec) {
  const auto dimensions = config.find("matryoshka_dimensions");
  if (!dimensions) return;
  for (const JsonValue& dimension : dimensions->elements()) {
    spec.matryoshka_dimensions.push_back(
        checked_size(dimension, static_cast<std::int64_t>(spec.hidden)));
  }
}

// Folders cannot hold every character of a task's name: "retrieval_query" is "retrieval.query".
std::string folded(std::string text) {
  std::replace_if(text.begin(), text.end(), [](char c) { return c == '.' || c == '-'; }, '_');
  return text;
}

constexpr std::array<std::string_view, 5> kJinaTasks = {
    "retrieval.query", "retrieval.passage", "separation", "classification", "text-matching"};

// An adapter folder and the task that it serves.
struct AdapterFolder {
  std::size_t order = 0;  // as config.json lists the tasks, unknown ones behind
  std::string task;
  std::string path;

  auto operator<=>(const AdapterFolder&) const = default;
};

AdapterFolder adapter_folder(const std::filesystem::path& path,
                             const std::vector<std::string>& tasks) {
  const std::string name = path.filename().string();
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    if (folded(tasks[i]) == folded(name)) return {i, tasks[i], path.string()};
  }
  return {tasks.size(), name, path.string()};
}

std::vector<AdapterFolder> find_adapter_folders(const std::string& folder,
                                                const std::vector<std::string>& tasks) {
  namespace fs = std::filesystem;
  std::vector<AdapterFolder> found;
  for (const fs::path& place : {fs::path(folder), fs::path(folder) / "adapters"}) {
    std::error_code failed;
    for (const auto& entry : fs::directory_iterator(place, failed)) {
      if (is_peft_folder(entry.path().string())) {
        found.push_back(adapter_folder(entry.path(), tasks));
      }
    }
  }
  std::sort(found.begin(), found.end());
  return found;
}

// `tasks` as config.json lists them: jina-embeddings-v3's and v5's key.
std::optional<JsonValue> listed_tasks(const JsonValue& config) {
  const auto tasks = config.find("lora_adaptations");
  return tasks ? tasks : config.find("task_names");
}

void check_all_found(const JsonValue& config, const std::vector<AdapterFolder>& folders) {
  const auto listed = listed_tasks(config);
  if (!listed) return;
  for (const JsonValue& task : listed->elements()) {
    const bool found = std::any_of(folders.begin(), folders.end(), [&](const AdapterFolder& other) {
      return other.task == task.string();
    });
    if (!found) {
      throw task.error("no adapter folder for " + std::string(task.string()) +
                       ", there are folders for others");
    }
  }
}

// Adapters in folders of their own take the place of those that config.json announces.
void read_adapter_folders(const std::string& folder, const JsonValue& config, ModelSpec& spec) {
  std::vector<std::string> tasks = spec.adapters.tasks;
  if (tasks.empty()) tasks.assign(kJinaTasks.begin(), kJinaTasks.end());
  const std::vector<AdapterFolder> folders = find_adapter_folders(folder, tasks);
  if (folders.empty() && spec.family == kJinaV5.name && !spec.adapters.tasks.empty()) {
    throw Error(ErrorCode::kNotFound, folder + ": no adapters, but config.json names the tasks \"" +
                                          spec.adapters.tasks.front() +
                                          "\" and others; expected a folder for each "
                                          "under adapters/");
  }
  if (folders.empty()) return;
  check_all_found(config, folders);
  spec.adapters = {};
  for (const AdapterFolder& found : folders) {
    const PeftConfig adapter = read_peft_config(found.path);
    AdapterSpec& all = spec.adapters;
    if (!all.tasks.empty() && (adapter.rank != all.rank || adapter.scaling != all.scaling)) {
      throw Error(ErrorCode::kUnimplemented,
                  found.path + ": rank and scaling differ from those of " + all.folders[0] +
                      "; adapters of one model must agree");
    }
    all.rank = adapter.rank;
    all.scaling = adapter.scaling;
    all.tasks.push_back(found.task);
    all.folders.push_back(found.path);
  }
}

// Keys that make another model of the family.
void refuse_other_kinds(const JsonValue& config) {
  for (const char* key : {"is_decoder", "add_cross_attention", "is_encoder_decoder"}) {
    const auto value = config.find(key);
    if (value && value->boolean()) {
      throw unsupported(*value, "true is not supported: only encoders are");
    }
  }
  const std::string feed_forward = text_or(config, "feed_forward_type", "original");
  if (feed_forward != "original") {
    throw unsupported(config.at("feed_forward_type"),
                      "\"" + feed_forward + "\" is not supported; original is");
  }
  if (const auto quantised = config.find("quantization_config")) {
    throw unsupported(*quantised,
                      "quantised weights are not supported; take the model that they were made "
                      "from, and runtime.precision int8");
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
void read_head(const JsonValue& config, ModelSpec& spec) {
  if (!first_architecture(config).ends_with("ForSequenceClassification")) return;
  if (!spec.adapters.tasks.empty()) {
    throw unsupported(config.at("architectures"),
                      "a classifier with adapters is not supported: merge one into the weights");
  }
  // BERT's pooler and RoBERTa's head alike, whatever hidden_act is.
  spec.head.classifier = {Activation::kTanh, outputs_of(config)};
}

// A table of one row has no types to choose from: the families that have one do not use them.
void read_types(const std::string& folder, ModelSpec& spec) {
  if (spec.token_types < 2 && spec.family != kBert) return;
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
  for (const Family& family : families()) {
    if (!family.matches(config)) continue;
    ModelSpec other = family.read(config);
    other.family = family.name;
    read_matryoshka_dimensions(config, other);
    return other;
  }
  ModelSpec spec;
  spec.family = family_of(config);
  refuse_other_kinds(config);
  const bool jina = spec.family == kJina;
  spec.vocabulary = checked_size(config.at("vocab_size"), 1 << 28);
  spec.hidden = checked_size(config.at("hidden_size"), 1 << 16);
  spec.layers = checked_size(config.at("num_hidden_layers"), 1 << 12);
  spec.heads = checked_size(config.at("num_attention_heads"), 1 << 12);
  spec.intermediate = checked_size(config.at("intermediate_size"), 1 << 20);
  spec.token_types = size_or(config, "type_vocab_size", 1 << 16, jina ? 1 : 2);
  const auto pad = config.find("pad_token_id");
  const std::int64_t pad_id = pad ? integer_of(*pad) : (spec.family == kBert ? 0 : 1);
  spec.pad_id = static_cast<std::int32_t>(pad_id);
  if (pad && (pad_id < 0 || pad_id >= static_cast<std::int64_t>(spec.vocabulary))) {
    throw pad->error("is not a token of the vocabulary");
  }
  const auto eps = config.find("layer_norm_eps");
  spec.layer_norm_eps = eps ? static_cast<float>(eps->number()) : (jina ? 1e-5f : 1e-12f);
  const bool usable = spec.layer_norm_eps > 0.0f && spec.layer_norm_eps < 1.0f;
  if (!usable) {
    throw eps->error("expected a number between 0 and 1");
  }
  spec.activation = activation_of(config, "hidden_act", "gelu");
  read_positions(config, spec);
  check_heads(config, spec);
  if (jina) read_base_adapters(config, spec);
  read_matryoshka_dimensions(config, spec);
  read_head(config, spec);
  return spec;
}

std::size_t ModelSpec::type_rows() const {
  constexpr std::size_t kMost = 256;  // a token's type is a byte
  const std::size_t used = text_types.largest() + std::size_t{1};
  return takes_types() ? std::max(used, std::min(token_types, kMost)) : used;
}

ModelSpec read_model_spec(const std::string& folder) {
  const JsonDocument document =
      JsonDocument::load((std::filesystem::path(folder) / "config.json").string());
  ModelSpec spec = parse_model_spec(document.root());
  if (spec.family == kJina || spec.family == kJinaV5.name) {
    read_adapter_folders(folder, document.root(), spec);
  }
  read_types(folder, spec);
  return spec;
}

}  // namespace nestvec
