// SPDX-License-Identifier: Apache-2.0
// Writes the members of a JSON object, one behind the other.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/json.h"

namespace nestvec {

// Opens the object; close() ends it. Nothing checks that names differ.
class JsonMembers {
 public:
  explicit JsonMembers(std::string& out) : out_(out) { out_.push_back('{'); }

  // Begins a member; its value is to be appended to what is returned.
  std::string& key(std::string_view name) {
    if (out_.back() != '{') out_.push_back(',');
    append_json_string(name, out_);
    out_.push_back(':');
    return out_;
  }
  void text(std::string_view name, std::string_view value) { append_json_string(value, key(name)); }
  void number(std::string_view name, std::uint64_t value) { raw(name, std::to_string(value)); }
  // A value that is JSON already.
  void raw(std::string_view name, std::string_view json) { key(name).append(json); }
  void close() { out_.push_back('}'); }

 private:
  std::string& out_;
};

}  // namespace nestvec
