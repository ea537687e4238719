// SPDX-License-Identifier: Apache-2.0
// A request's JSON: the body, and members whose errors name them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "service/error_style.h"
#include "service/http_message.h"

namespace nestvec {

// The body as a JSON object. Throws RequestError: kMediaType for a Content-Type that is neither
// absent nor JSON (form data, say), kMalformed for what is no JSON, naming the place in the body,
// kInvalidArgument for JSON that is no object.
JsonDocument read_json_body(const HttpRequest& request);
// The same of a body whose type is known.
JsonDocument parse_json_body(const std::string& body);

// A value as a type. Throw RequestError kInvalidArgument whose param is the value's path
// ("input[3].text").
std::string_view read_string(const JsonValue& value);
bool read_bool(const JsonValue& value);
std::int64_t read_integer(const JsonValue& value);

// Optional members of an object: absent and null are the same. Errors as above.
std::optional<std::string_view> string_member(const JsonValue& object, std::string_view key);
std::optional<bool> bool_member(const JsonValue& object, std::string_view key);
std::optional<std::int64_t> integer_member(const JsonValue& object, std::string_view key);

// A member that must be there. Throws RequestError kInvalidArgument whose param is the key.
JsonValue required_member(const JsonValue& object, std::string_view key);

}  // namespace nestvec
