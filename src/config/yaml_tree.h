// SPDX-License-Identifier: Apache-2.0
// A small YAML document as a tree that knows where each node stands.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "nestvec/error.h"

namespace nestvec {

struct YamlMember;

struct YamlNode {
  enum class Kind { kNull, kScalar, kSequence, kMapping };

  Kind kind = Kind::kNull;
  std::string text;     // of a scalar
  bool quoted = false;  // a scalar in quotes, or with the tag !!str: text whatever it looks like
  std::vector<YamlNode> items;      // of a sequence
  std::vector<YamlMember> members;  // of a mapping, in file order, keys unique
  std::size_t line = 1;
  std::size_t column = 1;
};

struct YamlMember {
  YamlNode key;
  YamlNode value;
};

// One YAML document; a null node for an empty one. `name` is the file in errors. Anchors with
// aliases, nesting over 32, more than 10,000 nodes, and a second document are refused, so that
// memory and time stay linear in the text. Throws Error: kInvalidArgument ("NAME:LINE:COLUMN:
// ...").
YamlNode parse_yaml(std::string_view text, const std::string& name);

// kInvalidArgument: "NAME:LINE:COLUMN: MESSAGE" at a node.
Error yaml_error(const std::string& name, const YamlNode& node, std::string_view message);

// "NAME:LINE:COLUMN".
std::string yaml_place(const std::string& name, const YamlNode& node);

// "a mapping", "a list", "nothing", or what a scalar looks like: "text", "a number", "a boolean".
std::string_view yaml_kind_name(const YamlNode& node);

}  // namespace nestvec
