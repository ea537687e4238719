// SPDX-License-Identifier: Apache-2.0
// JSON objects and arrays, written member by member behind what a string holds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace nestvec {

// Text is repaired where it is ill-formed UTF-8 (U+FFFD). Numbers must be finite.
class JsonObject {
 public:
  // On one line, or with an indent (of its members) a line each. `out` must outlive the object.
  explicit JsonObject(std::string& out, std::string indent = {});
  JsonObject(const JsonObject&) = delete;
  JsonObject& operator=(const JsonObject&) = delete;

  // Begins a member; append its value to what is returned.
  std::string& key(std::string_view name);

  // A value that is JSON already.
  void raw(std::string_view name, std::string_view json) { key(name).append(json); }
  void text(std::string_view name, std::string_view value);
  void boolean(std::string_view name, bool value);
  void integer(std::string_view name, std::int64_t value);
  void count(std::string_view name, std::uint64_t value);
  void null(std::string_view name) { key(name) += "null"; }
  // Arrays.
  void texts(std::string_view name, std::span<const std::string> values);
  void counts(std::string_view name, std::span<const std::size_t> values);
  // With so many digits after the point.
  void fixed(std::string_view name, double value, int digits);
  // Reads back as the same double.
  void real(std::string_view name, double value);

  void end();

 private:
  std::string& out_;
  const std::string indent_;
  bool first_ = true;
};

// On one line. `out` must outlive the array.
class JsonArray {
 public:
  explicit JsonArray(std::string& out) : out_(out) { out_ += '['; }
  JsonArray(const JsonArray&) = delete;
  JsonArray& operator=(const JsonArray&) = delete;

  // Begins an element; append its value to what is returned.
  std::string& next();
  void text(std::string_view value);
  void count(std::uint64_t value) { next() += std::to_string(value); }

  void end() { out_ += ']'; }

 private:
  std::string& out_;
  bool first_ = true;
};

}  // namespace nestvec
