// SPDX-License-Identifier: Apache-2.0
#include "base/json.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <new>
#include <unordered_map>

#include "base/excerpt.h"
#include "base/lfs_pointer.h"
#include "base/mapped_file.h"
#include "base/utf8.h"

namespace nestvec {
namespace {

constexpr std::size_t kMaxDepth = 1024;

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// The value of "\uXXXX" at `i`, or -1 where no such escape stands.
int unicode_escape(std::string_view text, std::size_t i) {
  if (i + 6 > text.size() || text[i] != '\\' || text[i + 1] != 'u') return -1;
  int value = 0;
  for (std::size_t k = 2; k < 6; ++k) {
    const int digit = hex_digit(text[i + k]);
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return value;
}

bool is_high_surrogate(int value) { return value >= 0xD800 && value <= 0xDBFF; }
bool is_low_surrogate(int value) { return value >= 0xDC00 && value <= 0xDFFF; }

// The end of the string whose opening quote is at `begin`, behind its closing quote if it has one.
std::size_t end_of_string(std::string_view text, std::size_t begin) {
  std::size_t i = begin + 1;
  while (i < text.size() && text[i] != '"') i += text[i] == '\\' ? 2U : 1U;
  return std::min(i + 1, text.size());
}

// Integers of more digits than 64 bits may hold get a fraction, so that they are read as doubles.
// Every byte is looked at once.
std::string widen_integers(std::string_view text) {
  constexpr std::size_t kFits = 19;  // digits that surely do
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size();) {
    std::size_t end = text[i] == '"' ? end_of_string(text, i) : i + 1;
    if (std::string_view("-+.0123456789eE").find(text[i]) == std::string_view::npos) {
      out.append(text.substr(i, end - i));
      i = end;
      continue;
    }
    end = std::min(text.find_first_not_of("-+.0123456789eE", i), text.size());
    const std::string_view number = text.substr(i, end - i);
    out.append(number);
    const bool whole = number.find_first_of(".eE") == std::string_view::npos;
    if (whole && number.size() > kFits) out.append(".0");
    i = end;
  }
  return out;
}

// What Python writes for numbers that JSON does not have: an infinity becomes the largest double,
// and NaN a string, so that whoever needs the number says where it stands.
std::string replace_python_numbers(std::string_view text) {
  constexpr std::string_view kNan = "NaN";
  constexpr std::string_view kInfinity = "Infinity";
  std::string out;
  out.reserve(text.size() + 64);
  for (std::size_t i = 0; i < text.size();) {
    const std::string_view rest = text.substr(i);
    const std::size_t end = text[i] == '"' ? end_of_string(text, i) : i + 1;
    if (rest.starts_with(kNan)) {
      out.append("\"NaN\"");
      i += kNan.size();
    } else if (rest.starts_with(kInfinity)) {
      out.append("1.7976931348623157e308");
      i += kInfinity.size();
    } else {
      out.append(text.substr(i, end - i));
      i = end;
    }
  }
  return out;
}

// Lone surrogates written as escapes become \uFFFD. Backslashes occur inside strings only, so the
// text need not be parsed.
std::string repair_surrogates(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size();) {
    if (text[i] != '\\') {
      out.push_back(text[i++]);
      continue;
    }
    const int value = unicode_escape(text, i);
    if (value < 0) {
      out.append(
          text.substr(i, 2));  // another escape; its second character is no backslash of its own
      i += 2;
    } else if (is_high_surrogate(value) && is_low_surrogate(unicode_escape(text, i + 6))) {
      out.append(text.substr(i, 12));
      i += 12;
    } else if (is_high_surrogate(value) || is_low_surrogate(value)) {
      out.append("\\uFFFD");
      i += 6;
    } else {
      out.append(text.substr(i, 6));
      i += 6;
    }
  }
  return out;
}

std::string_view kind_name(JsonValue::Kind kind) {
  switch (kind) {
    case JsonValue::Kind::kNull:
      return "null";
    case JsonValue::Kind::kBool:
      return "a boolean";
    case JsonValue::Kind::kInteger:
      return "an integer";
    case JsonValue::Kind::kNumber:
      return "a number";
    case JsonValue::Kind::kString:
      return "a string";
    case JsonValue::Kind::kArray:
      return "an array";
    case JsonValue::Kind::kObject:
      return "an object";
  }
  return "nothing";
}

}  // namespace

JsonValue::Kind JsonValue::kind() const {
  switch (element_.type()) {
    case simdjson::dom::element_type::ARRAY:
      return Kind::kArray;
    case simdjson::dom::element_type::OBJECT:
      return Kind::kObject;
    case simdjson::dom::element_type::INT64:
    case simdjson::dom::element_type::UINT64:
      return Kind::kInteger;
    case simdjson::dom::element_type::DOUBLE:
      return Kind::kNumber;
    case simdjson::dom::element_type::STRING:
      return Kind::kString;
    case simdjson::dom::element_type::BOOL:
      return Kind::kBool;
    default:
      return Kind::kNull;
  }
}

Error JsonValue::error(std::string_view message) const {
  std::string text = document_->name() + ": ";
  if (!path_.empty()) text.append(path_).append(": ");
  return Error(ErrorCode::kInvalidArgument, one_line(std::move(text.append(message))));
}

Error JsonValue::type_error(std::string_view expected) const {
  return error("expected " + std::string(expected) + ", found " + std::string(kind_name(kind())));
}

bool JsonValue::boolean() const {
  bool value = false;
  if (element_.get(value) != simdjson::SUCCESS) throw type_error("a boolean");
  return value;
}

std::optional<std::int64_t> whole_number(simdjson::dom::element element) {
  std::int64_t integer = 0;
  if (element.get(integer) == simdjson::SUCCESS) return integer;
  constexpr double kExact = 9007199254740992.0;  // 2^53: below it a double holds every integer
  double number = 0;
  if (!element.is_double() || element.get(number) != simdjson::SUCCESS) return std::nullopt;
  if (std::abs(number) >= kExact || std::trunc(number) != number) return std::nullopt;
  return static_cast<std::int64_t>(number);
}

std::optional<std::int64_t> JsonValue::whole_number() const {
  return nestvec::whole_number(element_);
}

std::int64_t JsonValue::integer() const {
  std::int64_t value = 0;
  if (element_.get(value) != simdjson::SUCCESS) throw type_error("an integer");
  return value;
}

double JsonValue::number() const {
  double value = 0;
  if (element_.get(value) != simdjson::SUCCESS) throw type_error("a number");
  return value;
}

std::string_view JsonValue::string() const {
  std::string_view value;
  if (element_.get(value) != simdjson::SUCCESS) throw type_error("a string");
  return value;
}

std::size_t JsonValue::size() const {
  if (kind() == Kind::kArray) return raw_array().size();
  return raw_object().size();
}

std::optional<JsonValue> JsonValue::find(std::string_view key) const {
  std::optional<simdjson::dom::element> element;
  for (const auto& field : raw_object()) {
    if (field.key == key) element = field.value;
  }
  if (!element) return std::nullopt;
  JsonValue value(document_, *element,
                  path_.empty() ? std::string(key) : path_ + "." + std::string(key));
  if (value.is_null()) return std::nullopt;
  return value;
}

JsonValue JsonValue::at(std::string_view key) const {
  std::optional<JsonValue> value = find(key);
  if (!value) throw error("\"" + std::string(key) + "\" is missing");
  return *value;
}

std::vector<JsonValue> JsonValue::elements() const {
  std::vector<JsonValue> values;
  for (const auto element : raw_array()) {
    values.push_back(
        JsonValue(document_, element, path_ + "[" + std::to_string(values.size()) + "]"));
  }
  return values;
}

std::vector<std::pair<std::string_view, JsonValue>> JsonValue::members() const {
  std::vector<std::pair<std::string_view, JsonValue>> values;
  std::unordered_map<std::string_view, std::size_t> places;
  for (const auto& field : raw_object()) {
    std::string path =
        path_.empty() ? std::string(field.key) : path_ + "." + std::string(field.key);
    JsonValue value(document_, field.value, std::move(path));
    const auto [place, is_new] = places.emplace(field.key, values.size());
    if (is_new) {
      values.emplace_back(field.key, std::move(value));
    } else {
      values[place->second].second = std::move(value);
    }
  }
  return values;
}

simdjson::dom::object JsonValue::raw_object() const {
  simdjson::dom::object object;
  if (element_.get(object) != simdjson::SUCCESS) throw type_error("an object");
  return object;
}

simdjson::dom::array JsonValue::raw_array() const {
  simdjson::dom::array array;
  if (element_.get(array) != simdjson::SUCCESS) throw type_error("an array");
  return array;
}

JsonDocument JsonDocument::parse(std::string_view text, std::string name) {
  JsonDocument document;
  document.name_ = std::move(name);
  document.parser_ = std::make_unique<simdjson::dom::parser>();
  std::string repaired;
  text = repair_utf8(text, repaired);
  if (text.empty()) text = "";  // an empty file maps to no address, which simdjson may not be given
  simdjson::error_code code = document.parser_->allocate(text.size(), kMaxDepth);
  if (code == simdjson::SUCCESS) {
    code = document.parser_->parse(text.data(), text.size()).get(document.root_);
  }
  // What simdjson refuses although it is JSON; either may hide the other.
  std::string rewritten;
  for (int pass = 0; pass < 2; ++pass) {
    if (code != simdjson::STRING_ERROR && code != simdjson::NUMBER_ERROR) break;
    rewritten = code == simdjson::STRING_ERROR ? repair_surrogates(text) : widen_integers(text);
    text = rewritten;
    code = document.parser_->parse(rewritten).get(document.root_);
  }
  if (code == simdjson::MEMALLOC) throw std::bad_alloc();
  if (code != simdjson::SUCCESS) {
    throw Error(ErrorCode::kInvalidArgument,
                document.name_ + ": not valid JSON: " + simdjson::error_message(code));
  }
  return document;
}

std::string repair_json(std::string_view text) {
  std::string storage;
  return repair_surrogates(repair_utf8(text, storage));
}

JsonDocument JsonDocument::load(const std::string& path, std::size_t limit_bytes) {
  const MappedFile file(path);
  if (file.size() > limit_bytes) {
    throw Error(ErrorCode::kResourceExhausted, path + ": " + std::to_string(file.size()) +
                                                   " bytes, at most " +
                                                   std::to_string(limit_bytes) + " are read");
  }
  check_no_lfs_pointer(file.text(), path);
  try {
    return parse(file.text(), path);
  } catch (const Error& no_json) {
    const std::string replaced = replace_python_numbers(file.text());
    try {
      if (replaced != file.text()) return parse(replaced, path);
    } catch (const Error&) {  // the first error is of the text as it is
    }
    throw Error(ErrorCode::kDataLoss, no_json.what());  // of a file this is damage
  }
}

JsonValue JsonDocument::root() const& { return JsonValue(this, root_, {}); }

void append_json_string(std::string_view text, std::string& out) {
  static constexpr char kHex[] = "0123456789abcdef";
  out.push_back('"');
  std::size_t start = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c >= 0x20 && c != '"' && c != '\\') continue;
    out.append(text.substr(start, i - start));
    start = i + 1;
    switch (c) {
      case '"':
        out.append("\\\"");
        break;
      case '\\':
        out.append("\\\\");
        break;
      case '\n':
        out.append("\\n");
        break;
      case '\r':
        out.append("\\r");
        break;
      case '\t':
        out.append("\\t");
        break;
      default:
        out.append("\\u00");
        out.push_back(kHex[c >> 4]);
        out.push_back(kHex[c & 15]);
    }
  }
  out.append(text.substr(start));
  out.push_back('"');
}

void append_json_number(float value, std::string& out, int significant_digits) {
  std::array<char, 64> buffer;
  const std::to_chars_result result =
      significant_digits > 0 ? std::to_chars(buffer.data(), buffer.data() + buffer.size(), value,
                                             std::chars_format::general, significant_digits)
                             : std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
  out.append(buffer.data(), result.ptr);
}

void append_json_numbers(std::span<const float> values, std::string& out, int significant_digits) {
  out.push_back('[');
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (i > 0) out.push_back(',');
    append_json_number(values[i], out, significant_digits);
  }
  out.push_back(']');
}

}  // namespace nestvec
