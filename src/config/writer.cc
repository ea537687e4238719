// SPDX-License-Identifier: Apache-2.0
#include "config/writer.h"

#include <string_view>

#include "base/json.h"
#include "config/fields.h"

namespace nestvec {

std::string config_yaml(const ServerConfig& config) {
  std::string out;
  std::string_view section;
  visit_fields(config, [&](const Field& field, const auto& value) {
    if (field.section != section) {
      if (!section.empty()) out += '\n';
      section = field.section;
      out += std::string(section) + ":\n";
    }
    const std::string text = field_text(field, value);
    const bool hidden = field.kind == FieldKind::kSecret && !text.empty();
    out += (hidden ? "  # " : "  ") + std::string(field.key) + ": ";
    if (hidden || field.kind == FieldKind::kCount || field.kind == FieldKind::kSwitch) {
      out += text;
    } else if (field.kind == FieldKind::kPrompts) {
      out += text.empty() ? "{}" : text;  // JSON is YAML
    } else {
      append_json_string(text, out);  // in quotes it is the same in YAML
    }
    out += '\n';
  });
  return out;
}

}  // namespace nestvec
