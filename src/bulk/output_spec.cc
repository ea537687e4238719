// SPDX-License-Identifier: Apache-2.0
#include "bulk/output_spec.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "base/excerpt.h"
#include "base/file.h"
#include "base/lower.h"
#include "base/suggestion.h"
#include "nestvec/error.h"

namespace nestvec {
namespace {

using Name = std::pair<std::string_view, VectorFormat>;

constexpr std::array<Name, 4> kFormats = {{{"npy", VectorFormat::kNpy},
                                           {"raw", VectorFormat::kRaw},
                                           {"jsonl", VectorFormat::kJsonLines},
                                           {"npz", VectorFormat::kNpz}}};
constexpr std::array<Name, 6> kEndings = {{{".npy", VectorFormat::kNpy},
                                           {".jsonl", VectorFormat::kJsonLines},
                                           {".ndjson", VectorFormat::kJsonLines},
                                           {".f32", VectorFormat::kRaw},
                                           {".raw", VectorFormat::kRaw},
                                           {".npz", VectorFormat::kNpz}}};

// What other programs call our types.
constexpr std::array<std::pair<std::string_view, std::string_view>, 6> kOtherTypes = {
    {{"fp32", "float32"},
     {"f32", "float32"},
     {"float", "float32"},
     {"fp16", "float16"},
     {"f16", "float16"},
     {"half", "float16"}}};

Error unknown(const std::string& what, std::string_view name, const std::string& advice) {
  return {ErrorCode::kInvalidArgument, "unknown " + what + " \"" + excerpt(name) + "\"" + advice};
}

}  // namespace

VectorFormat parse_vector_format(std::string_view name) {
  std::vector<std::string> known;
  for (const auto& [text, format] : kFormats) {
    if (name == text) return format;
    known.emplace_back(text);
  }
  throw unknown("output format", name, suggestion(name, known));
}

EmbeddingFormat parse_value_type(std::string_view name) {
  if (const auto format = find_array_format(name)) return *format;
  for (const auto& [other, ours] : kOtherTypes) {
    if (name == other) {
      throw unknown("type of values", name, "; did you mean \"" + std::string(ours) + "\"?");
    }
  }
  throw unknown("type of values", name, "; expected one of " + array_format_names());
}

std::string_view value_type_name(EmbeddingFormat type) { return facts_of(type).dtype; }

std::string_view vector_format_name(VectorFormat format) {
  return std::ranges::find(kFormats, format, &Name::second)->first;
}

std::optional<VectorFormat> find_vector_format(std::string_view path) {
  const std::string name = ascii_lower(path);
  for (const auto& [ending, format] : kEndings) {
    if (name.ends_with(ending)) return format;
  }
  for (const char* ending : {".parquet", ".arrow"}) {
    if (!name.ends_with(ending)) continue;
    throw Error(ErrorCode::kInvalidArgument,
                "--output " + excerpt(path) +
                    ": the command does not write Parquet or Arrow; python -m nestvec.parquet "
                    "does");
  }
  return std::nullopt;
}

VectorFormat guess_vector_format(std::string_view path) {
  if (const auto format = find_vector_format(path)) return *format;
  throw Error(ErrorCode::kInvalidArgument,
              "--output " + excerpt(path) +
                  ": the name does not say the format; let it end in .npy, .jsonl or .f32, or "
                  "pass --format npy|jsonl|raw");
}

void OutputSpec::check() const {
  const bool for_sparse = format == VectorFormat::kNpz || format == VectorFormat::kJsonLines;
  if (sparse && !for_sparse) {
    throw Error(ErrorCode::kInvalidArgument, "sparse vectors are written as jsonl or npz, not as " +
                                                 std::string(vector_format_name(format)));
  }
  if (sparse && type != EmbeddingFormat::kFloat) {
    throw Error(ErrorCode::kInvalidArgument,
                "--dtype " + std::string(value_type_name(type)) + " is for dense vectors");
  }
  if (!sparse && format == VectorFormat::kNpz) {
    throw Error(ErrorCode::kInvalidArgument, "npz is for sparse vectors; add --sparse");
  }
  if (type == EmbeddingFormat::kFloat || format == VectorFormat::kNpy) return;
  throw Error(ErrorCode::kInvalidArgument, "--dtype " + std::string(value_type_name(type)) +
                                               " is written as npy only, not as " +
                                               std::string(vector_format_name(format)));
}

std::string OutputSpec::stem() const {
  const std::filesystem::path name(path);
  return (name.parent_path() / name.stem()).string();
}

std::string partial_path(const std::string& path) { return follow_links(path) + ".partial"; }

}  // namespace nestvec
