// SPDX-License-Identifier: Apache-2.0
#include "dialects/embedding_format.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/excerpt.h"
#include "dialects/request_body.h"

namespace nestvec {
namespace {

EmbeddingFormat read_format(std::string_view name, std::string_view param) {
  if (const auto format = find_format(name)) return *format;
  throw RequestError(ErrorCode::kInvalidArgument,
                     std::string(param) + ": unknown format " + excerpt(name) +
                         "; expected one of " + format_names() + ", sparse, multivector",
                     std::string(param));
}

}  // namespace

FormatChoice read_format_choice(const JsonValue& value, std::string_view param) {
  std::vector<JsonValue> names = {value};
  if (value.kind() == JsonValue::Kind::kArray) {
    constexpr std::size_t kMost = 16;
    if (value.size() == 0 || value.size() > kMost) {
      throw RequestError(ErrorCode::kInvalidArgument,
                         std::string(param) + ": expected one format or a list of some",
                         std::string(param));
    }
    names = value.elements();
  }
  FormatChoice choice;
  for (const JsonValue& name : names) {
    const std::string_view text = read_string(name);
    if (text == "sparse") {
      choice.sparse = true;
    } else if (text == "multivector") {
      choice.multi_vector = true;
    } else {
      const EmbeddingFormat format = read_format(text, param);
      if (std::ranges::find(choice.dense, format) == choice.dense.end()) {
        choice.dense.push_back(format);
      }
    }
  }
  return choice;
}

void check_formats(std::span<const EmbeddingFormat> formats, std::size_t dimensions,
                   std::string_view param) {
  for (const EmbeddingFormat format : formats) {
    try {
      check_format(format, dimensions);
    } catch (const Error& error) {
      throw RequestError(error.code(), std::string(param) + ": " + error.what(),
                         std::string(param));
    }
  }
}

std::vector<ModelKind> kinds_of(const FormatChoice& choice) {
  std::vector<ModelKind> kinds;
  if (!choice.dense.empty()) kinds.push_back(ModelKind::kEmbed);
  if (choice.sparse) kinds.push_back(ModelKind::kSparse);
  if (choice.multi_vector) kinds.push_back(ModelKind::kMultiVector);
  return kinds;
}

void ask_for(const FormatChoice& choice, EmbedOptions& options) {
  options.dense = !choice.dense.empty();
  options.sparse = choice.sparse;
  options.multi_vector = choice.multi_vector;
  if (options.late_chunking && (options.sparse || options.multi_vector)) {
    throw RequestError(ErrorCode::kInvalidArgument,
                       "late_chunking pools dense vectors; ask for others without it",
                       "late_chunking");
  }
}

}  // namespace nestvec
