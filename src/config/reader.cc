// SPDX-License-Identifier: Apache-2.0
#include "config/reader.h"

#include <algorithm>
#include <type_traits>
#include <vector>

#include "base/excerpt.h"
#include "base/file.h"
#include "base/suggestion.h"
#include "config/fields.h"
#include "config/yaml_tree.h"
#include "nestvec/error.h"

namespace nestvec {
namespace {

constexpr std::size_t kMaxFileBytes = 1u << 20;
constexpr std::string_view kAccelerators = "num_accelerators";

// Fills one configuration from one tree.
class ConfigReader {
 public:
  ConfigReader(const std::string& name, ServerConfig& config) : name_(name), config_(config) {}

  void read(const YamlNode& root) {
    if (root.kind == YamlNode::Kind::kNull) return;
    require_mapping(root, "the configuration");
    const std::vector<std::string> sections = section_names();
    for (const auto& [key, value] : root.members) {
      if (std::find(sections.begin(), sections.end(), key.text) == sections.end()) {
        warn(key, "unknown key \"" + excerpt(key.text) + "\" is ignored" +
                      suggestion(key.text, sections));
      } else if (value.kind != YamlNode::Kind::kNull) {
        require_mapping(value, key.text);
        read_section(key.text, value);
      }
    }
  }

 private:
  std::vector<std::string> section_names() {
    std::vector<std::string> names;
    visit_fields(config_, [&names](const Field& field, const auto&) {
      if (names.empty() || names.back() != field.section) names.emplace_back(field.section);
    });
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

template <typename Config>
void set_by_name(std::string_view name, std::string_view text, const std::string& source,
                 Config& config) {
  bool known = false;
  visit_fields(config, [&](const Field& field, auto& value) {
    if (field.name != name) return;
    known = true;
    set_from(source, field, text, value);
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
    if (field.key == kAccelerators) note_accelerators(variable, config);
  });
}

void apply_setting(std::string_view name, std::string_view text, const std::string& source,
                   ModelConfig& config) {
  set_by_name(name, text, source, config);
}

void apply_setting(std::string_view name, std::string_view text, const std::string& source,
                   ServerConfig& config) {
  set_by_name(name, text, source, config);
}

ModelConfig read_config(const std::string& path) {
  ServerConfig config = parse_config(read_file(path, kMaxFileBytes), path);
  apply_environment(process_environment(), config);
  return config;
}

ModelConfig config_for_model(const std::string& folder_or_repo) {
  ServerConfig config;
  apply_environment(process_environment(), config);
  if (!folder_or_repo.empty()) config.checkpoints.repo_id = folder_or_repo;
  return config;
}

}  // namespace nestvec
