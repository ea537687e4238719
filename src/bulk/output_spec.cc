// SPDX-License-Identifier: Apache-2.0
#include "bulk/output_spec.h"

#include <array>
#include <filesystem>
#include <span>
#include <utility>

#include "base/excerpt.h"
#include "nestvec/error.h"

namespace nestvec {
namespace {

template <typename T>
using Name = std::pair<std::string_view, T>;

constexpr std::array<Name<VectorFormat>, 3> kFormats = {{{"npy", VectorFormat::kNpy},
                                                         {"raw", VectorFormat::kRaw},
                                                         {"jsonl", VectorFormat::kJsonLines}}};
constexpr std::array<Name<ValueType>, 4> kTypes = {{{"float32", ValueType::kFloat32},
                                                    {"float16", ValueType::kFloat16},
                                                    {"int8", ValueType::kInt8},
                                                    {"ubinary", ValueType::kUbinary}}};
constexpr std::array<Name<VectorFormat>, 5> kEndings = {{{".npy", VectorFormat::kNpy},
                                                         {".jsonl", VectorFormat::kJsonLines},
                                                         {".ndjson", VectorFormat::kJsonLines},
                                                         {".f32", VectorFormat::kRaw},
                                                         {".raw", VectorFormat::kRaw}}};

template <typename T>
T parse(std::span<const Name<T>> names, const std::string& what, std::string_view name) {
  std::string known;
  for (const auto& [text, value] : names) {
    if (name == text) return value;
    known += (known.empty() ? "" : ", ") + std::string(text);
  }
  throw Error(ErrorCode::kInvalidArgument,
              "unknown " + what + " \"" + excerpt(name) + "\"; known are " + known);
}

template <typename T>
std::string_view name_of(std::span<const Name<T>> names, T value) {
  for (const auto& [text, known] : names) {
    if (known == value) return text;
  }
  return {};
}

}  // namespace

VectorFormat parse_vector_format(std::string_view name) {
  return parse<VectorFormat>(kFormats, "output format", name);
}

ValueType parse_value_type(std::string_view name) {
  return parse<ValueType>(kTypes, "type of values", name);
}

std::string_view value_type_name(ValueType type) { return name_of<ValueType>(kTypes, type); }

std::string_view vector_format_name(VectorFormat format) {
  return name_of<VectorFormat>(kFormats, format);
}

VectorFormat guess_vector_format(std::string_view path) {
  for (const auto& [ending, format] : kEndings) {
    if (path.ends_with(ending)) return format;
  }
  throw Error(ErrorCode::kInvalidArgument,
              "--output " + excerpt(path) +
                  ": the name does not say the format; let it end in .npy, .jsonl or .f32, or "
                  "pass --format npy|jsonl|raw");
}

void OutputSpec::check() const {
  if (type == ValueType::kFloat32 || format == VectorFormat::kNpy) return;
  throw Error(ErrorCode::kInvalidArgument, "--dtype " + std::string(value_type_name(type)) +
                                               " is written as npy only, not as " +
                                               std::string(vector_format_name(format)));
}

std::string OutputSpec::stem() const {
  const std::filesystem::path name(path);
  return (name.parent_path() / name.stem()).string();
}

std::string partial_path(const std::string& path) { return path + ".partial"; }

}  // namespace nestvec
