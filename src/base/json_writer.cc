// SPDX-License-Identifier: Apache-2.0
#include "base/json_writer.h"

#include <array>
#include <charconv>

#include "base/json.h"
#include "base/utf8.h"

namespace nestvec {
namespace {

void append_repaired(std::string_view text, std::string& out) {
  std::string storage;
  append_json_string(repair_utf8(text, storage), out);
}

}  // namespace

JsonObject::JsonObject(std::string& out, std::string indent)
    : out_(out), indent_(std::move(indent)) {
  out_ += '{';
}

std::string& JsonObject::key(std::string_view name) {
  if (!first_) out_ += ',';
  first_ = false;
  if (!indent_.empty()) out_.append("\n").append(indent_);
  append_repaired(name, out_);
  return out_ += indent_.empty() ? ":" : ": ";
}

void JsonObject::text(std::string_view name, std::string_view value) {
  append_repaired(value, key(name));
}

void JsonObject::boolean(std::string_view name, bool value) {
  key(name) += value ? "true" : "false";
}

void JsonObject::integer(std::string_view name, std::int64_t value) {
  key(name) += std::to_string(value);
}

void JsonObject::count(std::string_view name, std::uint64_t value) {
  key(name) += std::to_string(value);
}

void JsonObject::texts(std::string_view name, std::span<const std::string> values) {
  JsonArray list(key(name));
  for (const std::string& value : values) list.text(value);
  list.end();
}

void JsonObject::counts(std::string_view name, std::span<const std::size_t> values) {
  JsonArray list(key(name));
  for (const std::size_t value : values) list.count(value);
  list.end();
}

void JsonObject::fixed(std::string_view name, double value, int digits) {
  std::array<char, 400> text{};  // the largest double has 309 digits before the point
  const auto end =
      std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed, digits)
          .ptr;
  key(name).append(text.data(), end);
}

void JsonObject::real(std::string_view name, double value) {
  std::array<char, 40> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  key(name).append(text.data(), end);
}

void JsonObject::end() {
  if (!indent_.empty()) out_.append("\n").append(indent_, 2);
  out_ += '}';
}

std::string& JsonArray::next() {
  if (!first_) out_ += ',';
  first_ = false;
  return out_;
}

void JsonArray::text(std::string_view value) { append_repaired(value, next()); }

}  // namespace nestvec
