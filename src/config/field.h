// SPDX-License-Identifier: Apache-2.0
// One configuration key: its name, its kind, its help, and its values as text.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "nestvec/config.h"

namespace nestvec {

// How a value is written.
enum class FieldKind {
  kText,
  kChoice,   // one of `choices`
  kSecret,   // text that is never printed, nor taken from a command line, which others can read
  kCores,    // see parse_cores
  kBytes,    // see parse_bytes
  kCount,    // an integer from `least` to `most`
  kSwitch,   // true or false
  kPrompts,  // texts by name: a mapping in YAML, a JSON object as text
};

struct Field {
  std::string_view section;  // "runtime"
  std::string_view key;      // "max_tokens"
  // "max-tokens": the flag is --max-tokens, the environment variable NESTVEC_MAX_TOKENS.
  std::string_view name;
  FieldKind kind = FieldKind::kText;
  std::string_view help;
  std::vector<std::string_view> choices = {};
  std::uint64_t most = 0;
  std::uint64_t least = 0;

  std::string path() const;         // "runtime.max_tokens"
  std::string flag() const;         // "--max-tokens"
  std::string environment() const;  // "NESTVEC_MAX_TOKENS"
};

// Sets a value from its text form. Throws Error: kInvalidArgument, "expected ..., found ...",
// without saying where; a secret is never part of the message.
void set_field(const Field& field, std::string_view text, std::string& value);
void set_field(const Field& field, std::string_view text, double& value);
void set_field(const Field& field, std::string_view text, std::uint64_t& value);
void set_field(const Field& field, std::string_view text, bool& value);
void set_field(const Field& field, std::string_view text, Prompts& value);

// The text form that set_field reads back; "(set)" for a secret that is not empty.
std::string field_text(const Field& field, const std::string& value);
std::string field_text(const Field& field, double value);
std::string field_text(const Field& field, std::uint64_t value);
std::string field_text(const Field& field, bool value);
std::string field_text(const Field& field, const Prompts& value);

// Of macOS, where std::size_t is another type than std::uint64_t of the same size.
template <typename T>
concept SizeOfItsOwn = std::same_as<T, std::size_t> && !std::same_as<T, std::uint64_t>;

void set_field(const Field& field, std::string_view text, SizeOfItsOwn auto& value) {
  std::uint64_t count = 0;
  set_field(field, text, count);
  value = count;
}

std::string field_text(const Field& field, SizeOfItsOwn auto value) {
  return field_text(field, std::uint64_t{value});
}

// Adds a prompt, or replaces the one of that name. Throws Error: kInvalidArgument for a name that
// no task can have.
void set_prompt(std::string_view name, std::string_view text, Prompts& prompts);

// What set_field takes: "an integer from 0 to 4096", "one of auto, fp32".
std::string field_form(const Field& field);

}  // namespace nestvec
