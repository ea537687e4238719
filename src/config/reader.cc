// SPDX-License-Identifier: Apache-2.0
#include "config/reader.h"

#include <algorithm>
#include <type_traits>
#include <vector>

#include "base/excerpt.h"
#include "base/file.h"
#include "base/suggestion.h"
#include "base/trim.h"
#include "config/fields.h"
#include "config/yaml_tree.h"
#include "nestvec/error.h"

namespace nestvec {
namespace {

constexpr std::size_t kMaxFileBytes = 1u << 20;
constexpr std::string_view kAccelerators = "num_accelerators";
constexpr std::string_view kModels = "models";
constexpr std::string_view kAliases = "aliases";

std::string item_path(std::size_t index) { return "models[" + std::to_string(index) + "]"; }

// A model that is as the sections say, but for who it is.
ModelEntry entry_of(const ModelConfig& config) {
  ModelEntry entry{.config = config, .aliases = {}};
  entry.config.model.id.clear();
  entry.config.checkpoints.repo_id.clear();
  entry.config.warnings.clear();
  return entry;
}

// Fills one configuration from one tree.
class ConfigReader {
 public:
  ConfigReader(const std::string& name, ServerConfig& config) : name_(name), config_(config) {}

  void read(const YamlNode& root) {
    if (root.kind == YamlNode::Kind::kNull) return;
    require_mapping(root, "the configuration");
    const std::vector<std::string> sections = section_names();
    const YamlNode* models = nullptr;
    for (const auto& [key, value] : root.members) {
      if (key.text == kModels) {
        models = &value;
      } else if (std::find(sections.begin(), sections.end(), key.text) == sections.end()) {
        warn(key, "unknown key \"" + excerpt(key.text) + "\" is ignored" +
                      suggestion(key.text, sections));
      } else if (value.kind != YamlNode::Kind::kNull) {
        require_mapping(value, key.text);
        read_section(key.text, value);
      }
    }
    if (models != nullptr) read_models(*models);  // last: its items begin with the sections
  }

 private:
  std::vector<std::string> section_names() {
    std::vector<std::string> names;
    visit_fields(config_, [&names](const Field& field, const auto&) {
      if (names.empty() || names.back() != field.section) names.emplace_back(field.section);
    });
    names.emplace_back(kModels);
    return names;
  }

  void read_section(const std::string& section, const YamlNode& mapping) {
    std::vector<std::string> keys;
    visit_fields(config_, [&](const Field& field, auto& value) {
      if (field.section != section) return;
      keys.emplace_back(field.key);
      for (const auto& [key, node] : mapping.members) {
        if (key.text == field.key) read_value(field, node, value);
      }
    });
    for (const auto& [key, node] : mapping.members) {
      if (std::find(keys.begin(), keys.end(), key.text) != keys.end()) continue;
      warn(key, "unknown key \"" + excerpt(section + "." + key.text) + "\" is ignored" +
                    suggestion(key.text, keys));
    }
  }

  void read_models(const YamlNode& list) {
    if (list.kind == YamlNode::Kind::kNull) return;
    if (list.kind != YamlNode::Kind::kSequence) {
      throw yaml_error(name_, list,
                       std::string(kModels) + ": expected a list of models, found " +
                           std::string(yaml_kind_name(list)));
    }
    for (const YamlNode& item : list.items) {
      const std::string path = item_path(config_.models.size());
      require_mapping(item, path);
      config_.models.push_back(read_model(item, path));
    }
  }

  ModelEntry read_model(const YamlNode& item, const std::string& path) {
    ModelEntry entry = entry_of(config_);
    std::vector<std::string> keys{std::string(kAliases)};
    visit_fields(entry.config, [&](Field field, auto& value) {
      if (!is_of_model(field)) return;
      field.key = key_in_item(field);
      field.section = path;
      keys.emplace_back(field.key);
      for (const auto& [key, node] : item.members) {
        if (key.text == field.key) read_value(field, node, value);
      }
    });
    for (const auto& [key, node] : item.members) {
      if (key.text == kAliases) entry.aliases = read_aliases(node, path);
      if (std::find(keys.begin(), keys.end(), key.text) != keys.end()) continue;
      warn(key, "unknown key \"" + excerpt(path + "." + key.text) + "\" is ignored" +
                    suggestion(key.text, keys));
    }
    if (!entry.config.checkpoints.repo_id.empty()) return entry;
    throw yaml_error(name_, item, path + ": expected repo_id, the model's folder or repository");
  }

  // A list, or a name alone.
  std::vector<std::string> read_aliases(const YamlNode& node, const std::string& path) const {
    const bool is_list = node.kind == YamlNode::Kind::kSequence;
    std::vector<std::string> aliases;
    for (const YamlNode& each : is_list ? node.items : std::vector{node}) {
      if (each.kind != YamlNode::Kind::kScalar || each.text.empty()) {
        throw yaml_error(name_, each,
                         path + ".aliases: expected a list of names, found " +
                             std::string(yaml_kind_name(each)));
      }
      aliases.push_back(each.text);
    }
    return aliases;
  }

  // A key without a value keeps its default.
  template <typename Value>
  void read_value(const Field& field, const YamlNode& node, Value& value) const {
    if (node.kind == YamlNode::Kind::kNull) return;
    const std::string_view found = yaml_kind_name(node);
    // Names made of digits are text without quotes; true and false are surely meant otherwise.
    const bool is_choice =
        std::find(field.choices.begin(), field.choices.end(), node.text) != field.choices.end();
    const bool is_text = std::is_same_v<Value, std::string> && (found != "a boolean" || is_choice);
    const bool is_switch = field.kind == FieldKind::kSwitch;
    const bool is_quantity = field.kind == FieldKind::kCores || field.kind == FieldKind::kBytes;
    const bool is_count = field.kind == FieldKind::kCount && !node.quoted;
    if (node.kind != YamlNode::Kind::kScalar ||
        !(is_text || is_switch || is_quantity || is_count)) {
      throw yaml_error(name_, node,
                       field.path() + ": expected " + field_form(field) + ", found " +
                           std::string(found) + (node.quoted ? " in quotes" : ""));
    }
    try {
      set_field(field, node.text, value);
    } catch (const Error& error) {
      throw yaml_error(name_, node, field.path() + ": " + error.what());
    }
  }

  void read_value(const Field& field, const YamlNode& node, Prompts& value) const {
    if (node.kind == YamlNode::Kind::kNull) return;
    require_mapping(node, field.path());
    Prompts prompts;
    for (const auto& [name, text] : node.members) {
      const bool empty = text.kind == YamlNode::Kind::kNull;
      if (!empty && text.kind != YamlNode::Kind::kScalar) {
        throw yaml_error(name_, text,
                         field.path() + "." + excerpt(name.text) + ": expected text, found " +
                             std::string(yaml_kind_name(text)));
      }
      try {
        set_prompt(name.text, empty ? "" : text.text, prompts);
      } catch (const Error& error) {
        throw yaml_error(name_, name, field.path() + ": " + error.what());
      }
    }
    value = std::move(prompts);
  }

  void require_mapping(const YamlNode& node, const std::string& what) const {
    if (node.kind == YamlNode::Kind::kMapping) return;
    throw yaml_error(name_, node,
                     what + ": expected a mapping of keys to values, found " +
                         std::string(yaml_kind_name(node)));
  }

  void warn(const YamlNode& node, const std::string& message) {
    config_.warnings.push_back(yaml_place(name_, node) + ": " + message);
  }

  const std::string& name_;
  ServerConfig& config_;
};

// `source` has just set it.
void note_accelerators(const std::string& source, ModelConfig& config) {
  if (config.inference_compute_info.num_accelerators == 0) return;
  config.warnings.push_back(source + ": no accelerator is supported yet, the CPU computes");
}

template <typename Value>
void set_from(const std::string& source, const Field& field, std::string_view text, Value& value) {
  try {
    set_field(field, text, value);
  } catch (const Error& error) {
    throw Error(error.code(), source + ": " + error.what());
  }
}

// The same key of the items of `models`, where it does not say who they are.
void set_in_models(const std::string& source, const Field& wanted, std::string_view text,
                   ServerConfig& config) {
  if (is_identity(wanted)) return;
  for (ModelEntry& entry : config.models) {
    visit_fields(entry.config, [&](const Field& field, auto& value) {
      if (field.name == wanted.name) set_from(source, field, text, value);
    });
  }
}
void set_in_models(const std::string&, const Field&, std::string_view, ModelConfig&) {}

// What a list of models outside of the file names, in place of the one in it.
std::vector<std::string> names_in(std::string_view list) {
  std::vector<std::string> names;
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    const std::string_view name = trim(list.substr(0, comma));
    if (!name.empty()) names.emplace_back(name);
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return names;
}

template <typename Config>
void set_by_name(std::string_view name, std::string_view text, const std::string& source,
                 Config& config) {
  bool known = false;
  visit_fields(config, [&](const Field& field, auto& value) {
    if (field.name != name) return;
    known = true;
    set_from(source, field, text, value);
    set_in_models(source, field, text, config);
    if (field.key == kAccelerators) note_accelerators(source, config);
  });
  if (!known) throw Error(ErrorCode::kInvalidArgument, source + ": there is no such setting");
}

}  // namespace

ServerConfig parse_config(std::string_view yaml, const std::string& name) {
  ServerConfig config;
  if (yaml.size() > kMaxFileBytes) {
    throw Error(ErrorCode::kInvalidArgument,
                name + ": " + std::to_string(yaml.size()) +
                    " bytes is too long for a configuration, at most " +
                    std::to_string(kMaxFileBytes) + " are read");
  }
  ConfigReader(name, config).read(parse_yaml(yaml, name));
  note_accelerators(name + ": inference_compute_info.num_accelerators", config);
  return config;
}

void apply_environment(const Environment& environment, ServerConfig& config) {
  visit_fields(config, [&](const Field& field, auto& value) {
    const std::string variable = field.environment();
    const auto text = environment(variable);
    if (!text) return;
    set_from(variable, field, *text, value);
    set_in_models(variable, field, *text, config);
    if (field.key == kAccelerators) note_accelerators(variable, config);
  });
  // Another model, or others, than those of the file.
  if (environment("NESTVEC_REPO_ID")) config.models.clear();
  if (const auto list = environment("NESTVEC_MODELS")) set_models(names_in(*list), config);
}

void set_models(std::span<const std::string> names, ServerConfig& config) {
  config.models.clear();
  for (const std::string& name : names) {
    ModelEntry entry = entry_of(config);
    entry.config.checkpoints.repo_id = name;
    config.models.push_back(std::move(entry));
  }
}

void apply_setting(std::string_view name, std::string_view text, const std::string& source,
                   ModelConfig& config) {
  set_by_name(name, text, source, config);
}

void apply_setting(std::string_view name, std::string_view text, const std::string& source,
                   ServerConfig& config) {
  set_by_name(name, text, source, config);
}

void choose_first_model(ServerConfig& config) {
  if (config.models.empty()) return;
  std::vector<std::string> warnings = std::move(config.warnings);
  static_cast<ModelConfig&>(config) = config.models.front().config;
  config.warnings = std::move(warnings);
}

ModelConfig read_config(const std::string& path) {
  ServerConfig config = parse_config(read_file(path, kMaxFileBytes), path);
  apply_environment(process_environment(), config);
  choose_first_model(config);
  return config;
}

ModelConfig config_for_model(const std::string& folder_or_repo) {
  ServerConfig config;
  apply_environment(process_environment(), config);
  if (!folder_or_repo.empty()) config.checkpoints.repo_id = folder_or_repo;
  return config;
}

}  // namespace nestvec
