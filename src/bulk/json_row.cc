// SPDX-License-Identifier: Apache-2.0
#include "bulk/json_row.h"

#include <optional>
#include <string>

#include "base/excerpt.h"
#include "base/json.h"
#include "base/utf8.h"
#include "nestvec/error.h"

namespace nestvec {
namespace {

// What errors call a row's JSON: file and line stand beside it.
constexpr const char* kRow = "the row";

// Strings and whole numbers name rows; anything else is more likely a mistake.
std::string json_id(const JsonValue& id) {
  if (id.kind() == JsonValue::Kind::kString) return json_id_of(id.string());
  if (id.kind() == JsonValue::Kind::kInteger) return std::to_string(id.integer());
  throw id.error("expected a string or a whole number");
}

// The member of that name, or, for "a.b", the member b of a member a. Nothing where it is null.
std::optional<JsonValue> find_field(const JsonValue& object, std::string_view name) {
  if (auto found = object.find(name)) return found;
  for (std::size_t dot = name.find('.'); dot != std::string_view::npos;
       dot = name.find('.', dot + 1)) {
    const auto inner = object.find(name.substr(0, dot));
    if (!inner || inner->kind() != JsonValue::Kind::kObject) continue;
    if (auto found = find_field(*inner, name.substr(dot + 1))) return found;
  }
  return std::nullopt;
}

// Whole tables in one object, as pandas and others write them.
std::string table_advice(const JsonValue& object) {
  for (const auto& [name, value] : object.members()) {
    const bool list = value.kind() == JsonValue::Kind::kArray && value.size() > 0;
    if (!list || value.elements()[0].kind() != JsonValue::Kind::kObject) continue;
    return "; the rows in \"" + excerpt(name) + "\" can be piped: jq -c '.[\"" + excerpt(name) +
           "\"][]' FILE prints them, to be read with --input-format jsonl";
  }
  return "";
}

// Says which members there are instead.
JsonValue need_field(const JsonValue& object, const std::string& name) {
  if (auto found = find_field(object, name)) return *found;
  constexpr std::size_t kMostNames = 16;
  std::string names;
  std::size_t count = 0;
  for (const auto& [key, value] : object.members()) {
    if (key == name) return value;  // null
    if (++count <= kMostNames) names += (names.empty() ? "" : ", ") + excerpt(key);
  }
  if (count > kMostNames) names += " and " + std::to_string(count - kMostNames) + " more";
  throw object.error("has no member \"" + excerpt(name) + "\"; it has " +
                     (names.empty() ? "none" : names) + table_advice(object));
}

std::string_view text_of(const JsonValue& value) {
  const JsonValue::Kind kind = value.kind();
  if (kind != JsonValue::Kind::kArray && kind != JsonValue::Kind::kObject) return value.string();
  throw value.error(
      "expected one text, found the column of a table; each row is an object of its own, as "
      "pandas' to_json(orient=\"records\", lines=True) writes them");
}

}  // namespace

void read_json_row(std::string_view line, const RowRules& rules, RowFields& row) {
  const JsonDocument document = JsonDocument::parse(line, kRow);
  const JsonValue root = document.root();
  const bool wants_text_alone = rules.id.empty() && rules.text == RowRules{}.text;
  if (root.kind() == JsonValue::Kind::kString && wants_text_alone) {
    row.text = root.string();
    return;
  }
  if (!rules.id.empty()) row.id = json_id(need_field(root, rules.id));
  if (!rules.task.empty()) {
    if (const auto task = find_field(root, rules.task)) row.task = task->string();
  }
  row.text = text_of(need_field(root, rules.text));
}

std::string json_id_of(std::string_view text) {
  std::string storage;
  std::string json;
  append_json_string(repair_utf8(text, storage), json);
  return json;
}

bool is_json_row(std::string_view line) {
  if (line == "{" || line == "[" || line.starts_with("[{")) return true;
  if (!line.starts_with('{')) return false;
  if (line.size() >= kJsonRowHead) return line.starts_with("{\"");
  try {
    const JsonDocument document = JsonDocument::parse(line, kRow);
    return document.root().kind() == JsonValue::Kind::kObject;
  } catch (const Error&) {
    return false;
  }
}

}  // namespace nestvec
