// SPDX-License-Identifier: Apache-2.0
#include "dialects/request_body.h"

#include <algorithm>
#include <cctype>
#include <cmath>

#include "base/excerpt.h"
#include "base/trim.h"

namespace nestvec {
namespace {

// "application/json; charset=utf-8", "application/problem+json", "text/json".
bool is_json(std::string_view content_type) {
  std::string type(content_type.substr(0, content_type.find(';')));
  while (!type.empty() && type.back() == ' ') type.pop_back();
  std::transform(type.begin(), type.end(), type.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return type.empty() || type.ends_with("/json") || type.ends_with("+json");
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
  const bool whole =
      value.kind() == JsonValue::Kind::kNumber && std::trunc(value.number()) == value.number();
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
