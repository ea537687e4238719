// SPDX-License-Identifier: Apache-2.0
// What a manifest says of heads, and how it says numbers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "compile/model_spec.h"
#include "ops/activation.h"

namespace nestvec {

class JsonValue;

// Members of a manifest. Throw Error kInvalidArgument, with the key.
std::size_t size_at(const JsonValue& object, std::string_view key);
std::uint32_t number_at_most(const JsonValue& value, std::int64_t most, const char* what);
Activation activation_at(const JsonValue& object, std::initializer_list<Activation> allowed);

// The value of the key "head". Precondition: head.any().
void write_head(const HeadSpec& head, std::string& out);
// That of `object`; a spec without heads where it has none. Throws Error kInvalidArgument.
HeadSpec read_head(const JsonValue& object);

}  // namespace nestvec
