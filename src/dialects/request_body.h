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

// The body as a JSON object, whatever its Content-Type: curl and some clients name another, and
// pages of others are told by their Origin. Throws RequestError: kMediaType for a body that neither
// is called JSON nor begins as an object (form data, say) and for one in another charset than
// UTF-8, kMalformed for ill-formed UTF-8, naming its place, and for what is no JSON,
// kInvalidArgument for JSON that is no object. A lone surrogate as an escape is read as U+FFFD:
// programs in JavaScript send them where they cut a text within a character.
JsonDocument read_json_body(const HttpRequest& request);
// The same of a body whose type is known.
JsonDocument parse_json_body(std::string_view body);

// A body without the byte order mark that some editors and clients put before it.
std::string_view json_text(std::string_view body);

// A value as a type. Throw RequestError kInvalidArgument whose param is the value's path
// ("input[3].text").
std::string_view read_string(const JsonValue& value);
bool read_bool(const JsonValue& value);
std::int64_t read_integer(const JsonValue& value);

// An integer however large, as a double: for limits of which any that is over ours will do.
double read_whole(const JsonValue& value);

// Optional members of an object: absent and null are the same. Errors as above.
std::optional<std::string_view> string_member(const JsonValue& object, std::string_view key);
std::optional<bool> bool_member(const JsonValue& object, std::string_view key);
std::optional<std::int64_t> integer_member(const JsonValue& object, std::string_view key);

// A member that must be there. Throws RequestError kInvalidArgument whose param is the key.
JsonValue required_member(const JsonValue& object, std::string_view key);

}  // namespace nestvec
