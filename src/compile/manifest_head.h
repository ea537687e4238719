// SPDX-License-Identifier: Apache-2.0
// What a manifest says of heads, and how it says numbers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "compile/model_spec.h"
#include "ops/activation.h"

namespace nestvec {

// Members of a manifest. Throw Error kInvalidArgument, with the key.
std::size_t size_at(const JsonValue& object, std::string_view key);
std::uint32_t number_at_most(const JsonValue& value, std::int64_t most, const char* what);
std::vector<std::size_t> counts_of(const std::vector<std::uint32_t>& numbers);
Activation activation_at(const JsonValue& object, std::initializer_list<Activation> allowed);

// The choice of that number, of those up to `last`.
template <typename Choice>
Choice choice_at(const JsonValue& object, std::string_view key, Choice last) {
  const JsonValue value = object.at(key);
  const std::int64_t number = value.integer();
  if (number < 0 || number > static_cast<std::int64_t>(last)) {
    throw value.error("expected 0 to " + std::to_string(static_cast<std::int64_t>(last)));
  }
  return static_cast<Choice>(number);
}

// The value of the key "head". Precondition: head.any().
void write_head(const HeadSpec& head, std::string& out);
// That of `object`; a spec without heads where it has none. Throws Error kInvalidArgument.
HeadSpec read_head(const JsonValue& object);

}  // namespace nestvec
