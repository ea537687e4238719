// SPDX-License-Identifier: Apache-2.0
// Keys of config.json as every family reads them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "base/json.h"
#include "compile/model_spec.h"
#include "nestvec/error.h"
#include "ops/activation.h"

namespace nestvec {

// kUnimplemented: "FILE: PATH: WHAT".
Error unsupported(const JsonValue& where, const std::string& what);

bool is_one_of(std::string_view text, std::initializer_list<std::string_view> choices);

// The key's value, or the fallback where it is absent or null. Throws Error kInvalidArgument for
// another type, and for sizes beyond 1 to `limit`. 32.0 is a size: Python computes with either.
std::string text_or(const JsonValue& config, std::string_view key, std::string_view fallback);
bool flag_or(const JsonValue& config, std::string_view key, bool fallback);
std::size_t size_or(const JsonValue& config, std::string_view key, std::int64_t limit,
                    std::size_t fallback);

std::size_t checked_size(const JsonValue& value, std::int64_t limit);
std::int64_t integer_of(const JsonValue& value);

// A number between 0 and 1, both excluded. Throws Error kInvalidArgument.
float checked_epsilon(const JsonValue& value);

// The first of `architectures`; empty where there is none.
std::string first_architecture(const JsonValue& config);

// Whether model_type is `type`; without one, whether the first architecture begins with
// `architecture`.
bool is_kind(const JsonValue& config, std::string_view type, std::string_view architecture);

// Heads of a width that can be rotated. Throws Error kInvalidArgument, kUnimplemented.
void check_rotary_heads(const JsonValue& config, const ModelSpec& spec);

// Transformers' name of an activation, under a key that may be absent (`fallback` then). Throws
// Error kUnimplemented, with the names that are supported.
Activation activation_of(const JsonValue& config, std::string_view key, std::string_view fallback);

}  // namespace nestvec
