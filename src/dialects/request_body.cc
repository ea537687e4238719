// SPDX-License-Identifier: Apache-2.0
#include "dialects/request_body.h"

#include <algorithm>
#include <cmath>

#include "base/excerpt.h"
#include "base/lower.h"
#include "base/trim.h"
#include "base/utf8.h"

namespace nestvec {
namespace {

// "application/json; charset=utf-8", "application/problem+json", "text/json".
bool is_json(std::string_view content_type) {
  std::string type = ascii_lower(content_type.substr(0, content_type.find(';')));
  while (!type.empty() && type.back() == ' ') type.pop_back();
  return type.empty() || type.ends_with("/json") || type.ends_with("+json");
}

bool same_word(std::string_view text, std::string_view word) {
  return ascii_lower(text) == ascii_lower(word);
}

// Of a Content-Type; empty where it names none.
std::string_view charset_of(std::string_view content_type) {
  constexpr std::string_view kName = "charset=";
  while (!content_type.empty()) {
    const std::size_t end = std::min(content_type.find(';'), content_type.size());
    std::string_view part = trim(content_type.substr(0, end));
    content_type.remove_prefix(std::min(end + 1, content_type.size()));
    if (!same_word(part.substr(0, kName.size()), kName)) continue;
    part = trim(part.substr(kName.size()));
    if (part.starts_with('"')) part.remove_prefix(1);
    if (part.ends_with('"')) part.remove_suffix(1);
    return part;
  }
  return "";
}

// Precondition: `text` is not well-formed. The place of its first byte that is at fault.
std::size_t first_fault(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    const auto lead = static_cast<unsigned char>(text[at]);
    const std::size_t length = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    if (!is_valid_utf8(text.substr(at, length))) break;
    at += length;
  }
  return at;
}

// Read as UTF-8, text in another encoding would be other words, and get another vector.
void check_encoding(std::string_view body, std::string_view charset) {
  // No JSON begins with a NUL or has one at its second place.
  const bool is_wide = body.starts_with("\xff\xfe") || body.starts_with("\xfe\xff") ||
                       body.substr(0, 2).find('\0') != std::string_view::npos;
  if (is_wide) {
    throw RequestError(ErrorCode::kInvalidArgument,
                       "request body: this is UTF-16 or UTF-32; send UTF-8", "", Fault::kMalformed);
  }
  const bool is_utf8 = charset.empty() || same_word(charset, "utf-8") || same_word(charset, "utf8");
  const bool is_ascii =
      std::ranges::all_of(body, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
  if (!is_utf8 && !is_ascii) {
    throw RequestError(ErrorCode::kInvalidArgument,
                       "the Content-Type names the charset " + excerpt(charset) +
                           "; send the body in UTF-8, and name utf-8 or no charset",
                       "", Fault::kMediaType);
  }
  if (is_valid_utf8(body)) return;
  constexpr std::string_view kHex = "0123456789ABCDEF";
  const std::size_t at = first_fault(body);
  const auto byte = static_cast<unsigned char>(body[at]);
  throw RequestError(ErrorCode::kInvalidArgument,
                     std::string("request body: this is not UTF-8: byte 0x") + kHex[byte >> 4] +
                         kHex[byte & 15] + " at offset " + std::to_string(at),
                     "", Fault::kMalformed);
}

// The bodies of forms and of other kinds do not begin so.
bool looks_like_json(std::string_view body) { return trim(body).starts_with('{'); }

JsonDocument parse_body(std::string_view body) {
  try {
    return JsonDocument::parse(body, "request body");
  } catch (const Error& error) {
    throw RequestError(error.code(), error.what(), "", Fault::kMalformed);
  }
}

template <typename Read>
auto with_param(const JsonValue& value, Read read) {
  try {
    return read(value);
  } catch (const Error& error) {
    throw RequestError(error.code(), error.what(), value.path());
  }
}

std::optional<JsonValue> find_member(const JsonValue& object, std::string_view key) {
  return with_param(object, [key](const JsonValue& value) { return value.find(key); });
}

}  // namespace

JsonDocument read_json_body(const HttpRequest& request) {
  const std::string_view type = request.header("content-type").value_or("");
  const std::string_view body = json_text(request.body);
  if (!is_json(type) && !body.empty() && !looks_like_json(body)) {
    throw RequestError(ErrorCode::kInvalidArgument,
                       "the body is not JSON, and its Content-Type is " + excerpt(type) +
                           "; send a JSON object with \"Content-Type: application/json\"",
                       "", Fault::kMediaType);
  }
  check_encoding(body, charset_of(type));
  return parse_json_body(body);
}

std::string_view json_text(std::string_view body) {
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
  if (body.starts_with(kByteOrderMark)) body.remove_prefix(kByteOrderMark.size());
  return body;
}

JsonDocument parse_json_body(std::string_view body) {
  if (body.empty()) {
    throw RequestError(ErrorCode::kInvalidArgument, "the request has no body; send a JSON object",
                       "", Fault::kMalformed);
  }
  JsonDocument document = parse_body(body);
  if (document.root().kind() != JsonValue::Kind::kObject) {
    throw RequestError(ErrorCode::kInvalidArgument, "request body: expected a JSON object");
  }
  return document;
}

std::string_view read_string(const JsonValue& value) {
  return with_param(value, [](const JsonValue& v) { return v.string(); });
}

bool read_bool(const JsonValue& value) {
  return with_param(value, [](const JsonValue& v) { return v.boolean(); });
}

std::int64_t read_integer(const JsonValue& value) {
  return with_param(value, [](const JsonValue& v) {
    if (const auto whole = v.whole_number()) return *whole;
    if (v.kind() == JsonValue::Kind::kInteger) throw v.error("is too large");
    return v.integer();  // throws, saying what it is
  });
}

double read_whole(const JsonValue& value) {
  using Kind = JsonValue::Kind;
  if (value.kind() == Kind::kInteger) return value.number();  // more than 63 bits, too
  const bool whole = value.kind() == Kind::kNumber && std::trunc(value.number()) == value.number();
  return whole ? value.number() : static_cast<double>(read_integer(value));
}

std::optional<std::string_view> string_member(const JsonValue& object, std::string_view key) {
  const std::optional<JsonValue> value = find_member(object, key);
  return value ? std::optional(read_string(*value)) : std::nullopt;
}

std::optional<bool> bool_member(const JsonValue& object, std::string_view key) {
  const std::optional<JsonValue> value = find_member(object, key);
  return value ? std::optional(read_bool(*value)) : std::nullopt;
}

std::optional<std::int64_t> integer_member(const JsonValue& object, std::string_view key) {
  const std::optional<JsonValue> value = find_member(object, key);
  return value ? std::optional(read_integer(*value)) : std::nullopt;
}

JsonValue required_member(const JsonValue& object, std::string_view key) {
  const std::optional<JsonValue> value = find_member(object, key);
  if (!value) {
    throw RequestError(ErrorCode::kInvalidArgument,
                       "\"" + std::string(key) + "\" is missing in the request", std::string(key));
  }
  return *value;
}

}  // namespace nestvec
