// SPDX-License-Identifier: Apache-2.0
#include "config/writer.h"

#include <string_view>

#include "base/json.h"
#include "config/fields.h"

namespace nestvec {

namespace {

// "KEY: VALUE", as a comment where it must not be seen.
template <typename Value>
void write_field(const Field& field, std::string_view key, const Value& value, std::string& out) {
  const std::string text = field_text(field, value);
  const bool hidden = field.kind == FieldKind::kSecret && !text.empty();
  out += (hidden ? "# " : "") + std::string(key) + ": ";
  if (hidden || field.kind == FieldKind::kCount || field.kind == FieldKind::kSwitch) {
    out += text;
  } else if (field.kind == FieldKind::kPrompts) {
    out += text.empty() ? "{}" : text;  // JSON is YAML
  } else {
    append_json_string(text, out);  // in quotes it is the same in YAML
  }
  out += '\n';
}

void write_model(const ModelEntry& entry, std::string& out) {
  out += "  - aliases: [";
  for (std::size_t i = 0; i < entry.aliases.size(); ++i) {
    out += i == 0 ? "" : ", ";
    append_json_string(entry.aliases[i], out);
  }
  out += "]\n";
  visit_fields(entry.config, [&out](const Field& field, const auto& value) {
    if (!is_of_model(field)) return;
    out += "    ";
    write_field(field, key_in_item(field), value, out);
  });
}

}  // namespace

std::string config_yaml(const ServerConfig& config) {
  std::string out;
  std::string_view section;
  visit_fields(config, [&](const Field& field, const auto& value) {
    if (field.section != section) {
      if (!section.empty()) out += '\n';
      section = field.section;
      out += std::string(section) + ":\n";
    }
    out += "  ";
    write_field(field, field.key, value, out);
  });
  if (!config.models.empty()) out += "\nmodels:\n";
  for (const ModelEntry& entry : config.models) write_model(entry, out);
  return out;
}

}  // namespace nestvec
