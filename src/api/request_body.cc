// SPDX-License-Identifier: Apache-2.0
#include "api/request_body.h"

#include <algorithm>
#include <cctype>
#include <cmath>

#include "base/excerpt.h"

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

std::optional<std::int64_t> whole(double number) {
  constexpr double kExact = 9007199254740992;  // above 2^53 a double is no certain integer
  if (std::abs(number) > kExact || std::trunc(number) != number) return std::nullopt;
  return static_cast<std::int64_t>(number);
}

}  // namespace

JsonDocument read_json_body(const HttpRequest& request) {
  const std::string_view type = request.header("content-type").value_or("");
  if (!is_json(type)) {
    throw RequestError(ErrorCode::kInvalidArgument,
                       "Content-Type is " + excerpt(type) +
                           "; send a JSON object with \"Content-Type: application/json\"",
                       "", Fault::kMediaType);
  }
  if (request.body.empty()) {
    throw RequestError(ErrorCode::kInvalidArgument, "the request has no body; send a JSON object");
  }
  JsonDocument document = JsonDocument::parse(request.body, "request body");
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

std::optional<std::int64_t> whole_number(simdjson::dom::element element) {
  std::int64_t integer = 0;
  if (element.get(integer) == simdjson::SUCCESS) return integer;
  double number = 0;
  if (!element.is_double() || element.get(number) != simdjson::SUCCESS) return std::nullopt;
  return whole(number);
}

std::int64_t read_integer(const JsonValue& value) {
  return with_param(value, [](const JsonValue& v) {
    if (v.kind() == JsonValue::Kind::kNumber) {
      if (const auto integer = whole(v.number())) return *integer;
    }
    if (v.kind() != JsonValue::Kind::kInteger) return v.integer();  // throws, saying what it is
    try {
      return v.integer();
    } catch (const Error&) {
      throw v.error("is too large");
    }
  });
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
