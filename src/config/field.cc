// SPDX-License-Identifier: Apache-2.0
#include "config/field.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>

#include "base/excerpt.h"
#include "base/json.h"
#include "base/json_writer.h"
#include "base/quantity.h"
#include "base/utf8.h"
#include "nestvec/error.h"

namespace nestvec {
namespace {

// As people write them in YAML and in environment variables.
constexpr std::array<std::string_view, 6> kTrueWords = {"true", "True", "TRUE", "1", "yes", "on"};
constexpr std::array<std::string_view, 6> kFalseWords = {"false", "False", "FALSE",
                                                         "0",     "no",    "off"};

Error wrong_value(const Field& field, std::string_view text) {
  return Error(ErrorCode::kInvalidArgument,
               "expected " + field_form(field) + ", found \"" + excerpt(text) + "\"");
}

}  // namespace

std::string Field::path() const { return std::string(section) + "." + std::string(key); }

std::string Field::flag() const { return "--" + std::string(name); }

std::string Field::environment() const {
  std::string variable = "NESTVEC_";
  for (const char c : name) {
    variable.push_back(c == '-' ? '_'
                                : static_cast<char>(std::toupper(static_cast<unsigned char>(c))));
  }
  return variable;
}

std::string field_form(const Field& field) {
  switch (field.kind) {
    case FieldKind::kText:
    case FieldKind::kSecret:
      return "text";
    case FieldKind::kChoice: {
      if (field.choices.size() == 1) return std::string(field.choices[0]);
      std::string names;
      for (const std::string_view choice : field.choices) {
        names += (names.empty() ? "" : ", ") + std::string(choice);
      }
      return "one of " + names;
    }
    case FieldKind::kCores:
      return "cores such as \"2\" or \"500m\"";
    case FieldKind::kBytes:
      return "bytes such as 5Gi or 512Mi";
    case FieldKind::kCount:
      return "an integer from " + std::to_string(field.least) + " to " + std::to_string(field.most);
    case FieldKind::kSwitch:
      return "true or false";
    case FieldKind::kPrompts:
      return field.key == "adapters" ? "folders by name such as {\"legal\": \"/adapters/legal\"}"
                                     : "texts by name such as {\"query\": \"query: \"}";
  }
  return "";
}

void set_field(const Field& field, std::string_view text, std::string& value) {
  if (field.kind == FieldKind::kChoice &&
      std::find(field.choices.begin(), field.choices.end(), text) == field.choices.end()) {
    throw wrong_value(field, text);
  }
  if (!is_valid_utf8(text) || text.find('\0') != std::string_view::npos) {
    throw Error(ErrorCode::kInvalidArgument, "expected text in UTF-8 without NUL");
  }
  value = text;
}

void set_field(const Field&, std::string_view text, double& value) { value = parse_cores(text); }

void set_field(const Field& field, std::string_view text, std::uint64_t& value) {
  if (field.kind == FieldKind::kBytes) {
    value = parse_bytes(text);
    return;
  }
  std::uint64_t count = 0;
  const char* const begin = text.data();
  const char* const end = begin + text.size();
  const auto [stop, code] = std::from_chars(begin, end, count);
  if (text.empty() || code != std::errc() || stop != end || count > field.most ||
      count < field.least) {
    throw wrong_value(field, text);
  }
  value = count;
}

void set_field(const Field& field, std::string_view text, bool& value) {
  for (const bool wanted : {true, false}) {
    for (const std::string_view word : wanted ? kTrueWords : kFalseWords) {
      if (text != word) continue;
      value = wanted;
      return;
    }
  }
  throw wrong_value(field, text);
}

void set_prompt(std::string_view name, std::string_view text, Prompts& prompts) {
  if (name.empty() || name == "none") {
    throw Error(ErrorCode::kInvalidArgument, "no task can be called \"" + std::string(name) + "\"");
  }
  const auto same = [name](const auto& prompt) { return prompt.first == name; };
  const auto known = std::find_if(prompts.begin(), prompts.end(), same);
  if (known == prompts.end()) {
    prompts.emplace_back(name, text);
  } else {
    known->second = text;
  }
}

void set_field(const Field& field, std::string_view text, Prompts& value) {
  Prompts prompts;
  if (!text.empty()) {
    try {
      const JsonDocument document = JsonDocument::parse(text, std::string(field.key));
      for (const auto& [name, prompt] : document.root().members()) {
        set_prompt(name, prompt.string(), prompts);
      }
    } catch (const Error& error) {
      throw Error(ErrorCode::kInvalidArgument,
                  "expected " + field_form(field) + ": " + error.what());
    }
  }
  value = std::move(prompts);
}

std::string field_text(const Field& field, const std::string& value) {
  if (field.kind == FieldKind::kSecret && !value.empty()) return "(set)";
  return value;
}

std::string field_text(const Field&, double value) { return format_cores(value); }

std::string field_text(const Field& field, std::uint64_t value) {
  return field.kind == FieldKind::kBytes ? format_bytes(value) : std::to_string(value);
}

std::string field_text(const Field&, const Prompts& value) {
  if (value.empty()) return "";
  std::string text;
  JsonObject object(text);
  for (const auto& [name, prompt] : value) object.text(name, prompt);
  object.end();
  return text;
}

std::string field_text(const Field&, bool value) { return value ? "true" : "false"; }

}  // namespace nestvec
