// SPDX-License-Identifier: Apache-2.0
// JSON as the project reads and writes it: simdjson behind a view that knows where it stands, so
// that every error names the file and the path of the value ("tokenizer.json: model.vocab[3]:
// ...").
#pragma once

#include <simdjson.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "nestvec/error.h"

namespace nestvec {

class JsonDocument;

// A value inside a JsonDocument. Cheap to copy. Valid until its document dies. Not thread-safe for
// the path bookkeeping of errors is none: reading from several threads is safe.
class JsonValue {
 public:
  enum class Kind { kNull, kBool, kInteger, kNumber, kString, kArray, kObject };

  Kind kind() const;
  bool is_null() const { return kind() == Kind::kNull; }

  // The value as a type. Throws Error kInvalidArgument naming document, path, and what stands
  // there.
  bool boolean() const;
  std::int64_t integer() const;
  double number() const;  // an integer is a number
  // 8 or 8.0: JSON has one kind of number. nullopt for a fraction, what is beyond 64 bits (2^53 in
  // the second form), and what is no number.
  std::optional<std::int64_t> whole_number() const;
  std::string_view string() const;  // UTF-8, valid until the document dies
  std::size_t size() const;         // elements of an array or members of an object

  // A member that must be there; a member that may be absent or null (nullopt for both). Of
  // members of one name the last counts, as in Python and JavaScript.
  JsonValue at(std::string_view key) const;
  std::optional<JsonValue> find(std::string_view key) const;

  // Elements of an array, members of an object, in file order. A name that occurs again stands
  // once, at its first place with its last value.
  std::vector<JsonValue> elements() const;
  std::vector<std::pair<std::string_view, JsonValue>> members() const;

  // Members or elements without copies, for the large tables of a tokenizer: calls
  // `visit(std::string_view key, simdjson::dom::element)` / `visit(simdjson::dom::element)`. A
  // name that occurs again is visited again.
  template <typename Visit>
  void for_each_member(Visit visit) const {
    for (const auto& field : raw_object()) visit(field.key, field.value);
  }
  template <typename Visit>
  void for_each_element(Visit visit) const {
    for (const auto element : raw_array()) visit(element);
  }

  // kInvalidArgument: "FILE: PATH: MESSAGE".
  Error error(std::string_view message) const;
  // "model.vocab[3]"; empty for the root.
  const std::string& path() const { return path_; }

 private:
  friend class JsonDocument;
  JsonValue(const JsonDocument* document, simdjson::dom::element element, std::string path)
      : document_(document), element_(element), path_(std::move(path)) {}
  simdjson::dom::object raw_object() const;
  simdjson::dom::array raw_array() const;
  Error type_error(std::string_view expected) const;

  const JsonDocument* document_;
  simdjson::dom::element element_;
  std::string path_;
};

// JsonValue::whole_number for elements of for_each_element.
std::optional<std::int64_t> whole_number(simdjson::dom::element element);

// A parsed JSON text. Movable; values point into it.
class JsonDocument {
 public:
  // Parses `text`; `name` is what errors call it (a path, or "line 12 of FILE"). Ill-formed UTF-8
  // and lone surrogates written as \uD800 become U+FFFD (see base/utf8.h); an integer beyond 64
  // bits becomes the nearest double. Nesting is limited to 1024. Throws Error kInvalidArgument.
  static JsonDocument parse(std::string_view text, std::string name);
  // Of a file. Infinity and NaN, which Python writes, are read as the largest double and as the
  // string "NaN". Throws Error as MappedFile, kDataLoss (no JSON, a pointer of Git LFS),
  // kResourceExhausted (too large).
  static JsonDocument load(const std::string& path, std::size_t limit_bytes = kDefaultLimit);

  JsonValue root() const&;
  JsonValue root() const&& = delete;  // would dangle
  const std::string& name() const { return name_; }

  static constexpr std::size_t kDefaultLimit = 256u << 20;

 private:
  JsonDocument() = default;
  std::string name_;
  std::unique_ptr<simdjson::dom::parser> parser_;  // owns what `root_` points into
  simdjson::dom::element root_;
};

// A JSON text for parsers that are stricter: ill-formed UTF-8 and lone surrogates become U+FFFD.
std::string repair_json(std::string_view text);

// Appends `text` (valid UTF-8) as a JSON string with its quotes.
void append_json_string(std::string_view text, std::string& out);

// Appends the shortest decimal that reads back as the same float, or with `significant_digits` > 0
// that many digits. Precondition: the value is finite.
void append_json_number(float value, std::string& out, int significant_digits = 0);

// The same for an array of them.
void append_json_numbers(std::span<const float> values, std::string& out,
                         int significant_digits = 0);

}  // namespace nestvec
