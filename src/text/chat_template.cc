// SPDX-License-Identifier: Apache-2.0
#include "text/chat_template.h"

#include <algorithm>
#include <map>
#include <utility>

#include "base/excerpt.h"
#include "nestvec/error.h"

namespace nestvec {
namespace {

constexpr std::size_t kMostBytes = std::size_t{64} << 10;
constexpr std::size_t kMostTags = 256;  // each may have a text of the template's size

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool is_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

Error unknown_construct(std::string_view construct) {
  return Error(ErrorCode::kUnimplemented,
               "the chat template has \"" + excerpt(construct) +
                   "\", which is not supported; texts, set, and messages by role are");
}

// An expression, token by token.
class ExpressionReader {
 public:
  ExpressionReader(std::string_view source, const std::map<std::string, TemplatePart>& names)
      : source_(source), rest_(source), names_(names) {}

  TemplatePart read() {
    skip();
    TemplatePart part = has_word("messages") ? of_messages() : of_name();
    if (!rest_.empty()) throw unknown_construct(source_);
    return part;
  }

 private:
  void skip() {
    while (!rest_.empty() && is_blank(rest_.front())) rest_.remove_prefix(1);
  }

  bool has_word(std::string_view word) const {
    return rest_.starts_with(word) && (rest_.size() == word.size() || !is_name(rest_[word.size()]));
  }

  void expect(std::string_view token) {
    if (!rest_.starts_with(token)) throw unknown_construct(source_);
    rest_.remove_prefix(token.size());
    skip();
  }

  std::string text() {
    if (rest_.empty() || (rest_[0] != '"' && rest_[0] != '\'')) throw unknown_construct(source_);
    const std::size_t end = rest_.find(rest_[0], 1);
    const std::string_view inside = rest_.substr(1, end == std::string_view::npos ? end : end - 1);
    const bool plain = end != std::string_view::npos && inside.find('\\') == std::string_view::npos;
    if (!plain) throw unknown_construct(source_);
    rest_.remove_prefix(end + 1);
    skip();
    return std::string(inside);
  }

  TemplatePart of_name() {
    const auto end = std::find_if_not(rest_.begin(), rest_.end(), is_name);
    const std::string name(rest_.begin(), end);
    const auto known = names_.find(name);
    if (known == names_.end()) throw unknown_construct(source_);
    rest_.remove_prefix(name.size());
    skip();
    return known->second;
  }

  TemplatePart of_messages() {
    expect("messages");
    expect("|");
    expect("selectattr");
    expect("(");
    if (text() != "role") throw unknown_construct(source_);
    expect(",");
    const std::string test = text();
    if (test != "eq" && test != "equalto" && test != "==") throw unknown_construct(source_);
    expect(",");
    TemplatePart part{text(), ""};
    if (part.role.empty()) throw unknown_construct(source_);
    expect(")");
    expect("|");
    expect("map");
    expect("(");
    expect("attribute");
    expect("=");
    if (text() != "content") throw unknown_construct(source_);
    expect(")");
    expect("|");
    expect("first");
    if (rest_.empty()) return part;
    expect("|");
    expect("default");
    expect("(");
    part.text = text();
    expect(")");
    return part;
  }

  std::string_view source_;
  std::string_view rest_;
  const std::map<std::string, TemplatePart>& names_;
};

// The template, from tag to tag. Blanks around tags go as transformers sets Jinja up: a block takes
// the line break behind it, and the blanks before it where it begins a line.
class TemplateReader {
 public:
  explicit TemplateReader(std::string_view source) : rest_(source) {
    if (rest_.ends_with('\n')) rest_.remove_suffix(1);
  }

  std::vector<TemplatePart> read() {
    for (;;) {
      const std::size_t place = next_tag();
      add_text(rest_.substr(0, place), place < rest_.size() ? rest_.substr(place) : "");
      if (place == rest_.size()) return std::move(parts_);
      rest_.remove_prefix(place);
      read_tag();
    }
  }

 private:
  std::size_t next_tag() const {
    for (std::size_t i = 0; i + 1 < rest_.size(); ++i) {
      if (rest_[i] == '{' && (rest_[i + 1] == '{' || rest_[i + 1] == '%' || rest_[i + 1] == '#')) {
        return i;
      }
    }
    return rest_.size();
  }

  // `tag`: what follows; empty at the end.
  void add_text(std::string_view text, std::string_view tag) {
    if (strips_) {
      while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
    } else if (behind_block_ && text.starts_with('\n')) {
      text.remove_prefix(1);
    }
    const bool starts_line = at_start_;
    at_start_ = false;
    if (tag.size() > 2 && tag[2] == '-') {
      while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
    } else if (!tag.empty() && tag[1] != '{') {
      const std::size_t end = text.find_last_not_of(" \t");
      const bool whole = end == std::string_view::npos ? starts_line : text[end] == '\n';
      if (whole) text = text.substr(0, end == std::string_view::npos ? 0 : end + 1);
    }
    append(text);
  }

  void append(std::string_view text) {
    if (text.empty()) return;
    if (parts_.empty() || !parts_.back().role.empty()) parts_.push_back({});
    parts_.back().text += text;
  }

  void read_tag() {
    if (++tags_ > kMostTags) throw unknown_construct(rest_);
    const char kind = rest_[1];
    const std::size_t end = end_of_tag(kind == '{' ? '}' : kind);
    std::string_view inside = rest_.substr(2, end - 2);
    rest_.remove_prefix(end + 2);
    if (inside.starts_with('-')) inside.remove_prefix(1);
    strips_ = inside.ends_with('-');
    if (strips_) inside.remove_suffix(1);
    behind_block_ = kind != '{';
    if (kind == '#') return;
    while (!inside.empty() && is_blank(inside.back())) inside.remove_suffix(1);
    while (!inside.empty() && is_blank(inside.front())) inside.remove_prefix(1);
    if (kind == '%') {
      set_name(inside);
    } else {
      parts_.push_back(ExpressionReader(inside, names_).read());
    }
  }

  // Of the closing "}}", "%}" or "#}" that stands in no text.
  std::size_t end_of_tag(char closing) const {
    char quote = 0;
    for (std::size_t i = 2; i + 1 < rest_.size(); ++i) {
      const char c = rest_[i];
      if (quote != 0) {
        if (c == quote) quote = 0;
      } else if (closing != '#' && (c == '"' || c == '\'')) {
        quote = c;
      } else if (c == closing && rest_[i + 1] == '}') {
        return i;
      }
    }
    throw unknown_construct(rest_);
  }

  // set NAME = EXPRESSION
  void set_name(std::string_view inside) {
    const std::string_view whole = inside;
    const std::size_t equals = inside.find('=');
    if (!inside.starts_with("set ") || equals == std::string_view::npos) {
      throw unknown_construct(whole);
    }
    std::string_view name = inside.substr(4, equals - 4);
    while (!name.empty() && is_blank(name.back())) name.remove_suffix(1);
    while (!name.empty() && is_blank(name.front())) name.remove_prefix(1);
    const bool fits = !name.empty() && std::all_of(name.begin(), name.end(), is_name);
    if (!fits || name == "messages") throw unknown_construct(whole);
    names_[std::string(name)] = ExpressionReader(inside.substr(equals + 1), names_).read();
  }

  std::string_view rest_;
  std::vector<TemplatePart> parts_;
  std::map<std::string, TemplatePart> names_;
  std::size_t tags_ = 0;
  bool strips_ = false;
  bool behind_block_ = false;
  bool at_start_ = true;
};

Error other_layout(const std::string& what) {
  return Error(ErrorCode::kUnimplemented,
               "the chat template " + what +
                   "; supported is one that has the query once, behind it the document once and a "
                   "space before it, and then only text");
}

}  // namespace

std::vector<TemplatePart> parse_chat_template(std::string_view source) {
  if (source.size() > kMostBytes) {
    throw Error(ErrorCode::kUnimplemented, "the chat template has " +
                                               std::to_string(source.size()) + " bytes; at most " +
                                               std::to_string(kMostBytes) + " are read");
  }
  std::string text;
  for (std::size_t i = 0; i < source.size(); ++i) {  // Jinja's line ends
    if (source[i] == '\r') {
      text += '\n';
      if (i + 1 < source.size() && source[i + 1] == '\n') ++i;
    } else {
      text += source[i];
    }
  }
  return TemplateReader(text).read();
}

std::string PairTemplate::head_of(std::string_view query, std::string_view given) const {
  std::string text;
  for (const TemplatePart& part : head) {
    if (part.role == "query") {
      text += query;
    } else if (part.role.empty()) {
      text += part.text;
    } else if (!given.empty()) {
      text += given;
    } else {
      text += instruction.empty() ? part.text : instruction;
    }
  }
  return text;
}

std::optional<PairTemplate> parse_pair_template(std::string_view source) {
  for (const char* role : {"query", "document"}) {
    const std::string name = role;
    const bool there = source.find("\"" + name + "\"") != std::string_view::npos ||
                       source.find("'" + name + "'") != std::string_view::npos;
    if (!there) return std::nullopt;
  }
  PairTemplate pair;
  std::size_t queries = 0;
  bool over = false;  // the document has come
  for (TemplatePart& part : parse_chat_template(source)) {
    const bool is_text = part.role.empty();
    if (over && !is_text) throw other_layout("has \"" + part.role + "\" behind the document");
    if (is_text && over) {
      pair.tail += part.text;
    } else if (part.role == "document") {
      over = true;
    } else if (is_text || part.role == "query" || part.role == "system") {
      if (part.role == "query") ++queries;
      pair.head.push_back(std::move(part));
    } else {
      throw other_layout("has the role \"" + excerpt(part.role) + "\"");
    }
  }
  if (queries != 1 || !over) throw other_layout("does not have the query and the document once");
  TemplatePart& last = pair.head.back();
  const std::size_t size = last.text.size();
  const bool spaced =
      last.role.empty() && size > 1 && last.text.ends_with(' ') && !is_blank(last.text[size - 2]);
  if (!spaced) throw other_layout("has no single space before the document");
  last.text.pop_back();
  return pair;
}

}  // namespace nestvec
