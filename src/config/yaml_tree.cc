// SPDX-License-Identifier: Apache-2.0
#include "config/yaml_tree.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <sstream>

#include "base/excerpt.h"

namespace nestvec {
namespace {

constexpr std::size_t kMaxDepth = 32;
constexpr std::size_t kMaxNodes = 10'000;

std::string place(const std::string& name, const YAML::Mark& mark) {
  if (mark.is_null()) return name;
  return name + ":" + std::to_string(mark.line + 1) + ":" + std::to_string(mark.column + 1);
}

bool is_null_word(std::string_view text) {
  return text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL";
}

bool is_boolean_word(std::string_view text) {
  constexpr std::array<std::string_view, 6> kWords = {"true",  "True",  "TRUE",
                                                      "false", "False", "FALSE"};
  return std::find(kWords.begin(), kWords.end(), text) != kWords.end();
}

bool is_number_word(std::string_view text) {
  double value = 0;
  if (text.starts_with('+')) text.remove_prefix(1);
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  return !text.empty() && code == std::errc() && end == text.data() + text.size();
}

// Builds the tree from the parser's events; yaml-cpp's own nodes would expand aliases and accept
// duplicate keys.
class TreeBuilder final : public YAML::EventHandler {
 public:
  explicit TreeBuilder(const std::string& name) : name_(name) {}

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t) override {
    add(start(mark, YamlNode::Kind::kNull));
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    throw Error(ErrorCode::kInvalidArgument,
                place(name_, mark) + ": aliases are not supported; write the value out");
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                const std::string& value) override {
    YamlNode node = start(mark, YamlNode::Kind::kScalar);
    node.quoted = tag == "!" || tag == "tag:yaml.org,2002:str";  // plain scalars have the tag "?"
    if (!node.quoted && is_null_word(value)) node.kind = YamlNode::Kind::kNull;
    node.text = value;
    add(std::move(node));
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {
    open(start(mark, YamlNode::Kind::kSequence));
  }
  void OnSequenceEnd() override { close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {
    open(start(mark, YamlNode::Kind::kMapping));
  }
  void OnMapEnd() override { close(); }

  YamlNode take_root() { return std::move(root_); }

 private:
  // A collection whose end has not been seen; a mapping's key waits for its value.
  struct Open {
    YamlNode node;
    std::optional<YamlNode> key;
  };

  YamlNode start(const YAML::Mark& mark, YamlNode::Kind kind) {
    if (++nodes_ > kMaxNodes) {
      throw Error(ErrorCode::kInvalidArgument,
                  place(name_, mark) + ": more than " + std::to_string(kMaxNodes) + " values");
    }
    YamlNode node;
    node.kind = kind;
    node.line = static_cast<std::size_t>(std::max(mark.line, 0)) + 1;
    node.column = static_cast<std::size_t>(std::max(mark.column, 0)) + 1;
    return node;
  }

  void open(YamlNode node) {
    if (open_.size() >= kMaxDepth) throw yaml_error(name_, node, "nested too deeply");
    open_.push_back({std::move(node), std::nullopt});
  }

  void close() {
    YamlNode node = std::move(open_.back().node);
    open_.pop_back();
    add(std::move(node));
  }

  void add(YamlNode node) {
    if (open_.empty()) {
      root_ = std::move(node);
      return;
    }
    Open& parent = open_.back();
    if (parent.node.kind == YamlNode::Kind::kSequence) {
      parent.node.items.push_back(std::move(node));
    } else if (!parent.key) {
      check_key(parent.node, node);
      parent.key = std::move(node);
    } else {
      parent.node.members.push_back({std::move(*parent.key), std::move(node)});
      parent.key.reset();
    }
  }

  void check_key(const YamlNode& mapping, const YamlNode& key) const {
    if (key.kind != YamlNode::Kind::kScalar) {
      throw yaml_error(name_, key, "expected a key, found " + std::string(yaml_kind_name(key)));
    }
    for (const auto& [other, value] : mapping.members) {
      if (other.text != key.text) continue;
      throw yaml_error(name_, key,
                       "duplicate key \"" + excerpt(key.text) + "\", first given in line " +
                           std::to_string(other.line));
    }
  }

  const std::string& name_;
  std::vector<Open> open_;
  YamlNode root_;
  std::size_t nodes_ = 0;
};

}  // namespace

std::string yaml_place(const std::string& name, const YamlNode& node) {
  return name + ":" + std::to_string(node.line) + ":" + std::to_string(node.column);
}

Error yaml_error(const std::string& name, const YamlNode& node, std::string_view message) {
  return Error(ErrorCode::kInvalidArgument, yaml_place(name, node) + ": " + std::string(message));
}

std::string_view yaml_kind_name(const YamlNode& node) {
  switch (node.kind) {
    case YamlNode::Kind::kNull:
      return "nothing";
    case YamlNode::Kind::kSequence:
      return "a list";
    case YamlNode::Kind::kMapping:
      return "a mapping";
    case YamlNode::Kind::kScalar:
      break;
  }
  if (node.quoted) return "text";
  if (is_boolean_word(node.text)) return "a boolean";
  return is_number_word(node.text) ? "a number" : "text";
}

YamlNode parse_yaml(std::string_view text, const std::string& name) {
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    TreeBuilder builder(name);
    if (!parser.HandleNextDocument(builder)) return {};
    TreeBuilder second(name);
    if (parser.HandleNextDocument(second)) {
      throw yaml_error(name, second.take_root(), "a second document; expected one");
    }
    return builder.take_root();
  } catch (const YAML::Exception& error) {
    throw Error(ErrorCode::kInvalidArgument,
                place(name, error.mark) + ": not valid YAML: " + excerpt(error.msg));
  }
}

}  // namespace nestvec
