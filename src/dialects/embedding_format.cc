// SPDX-License-Identifier: Apache-2.0
#include "dialects/embedding_format.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/excerpt.h"
#include "dialects/request_body.h"

namespace nestvec {
namespace {

EmbeddingFormat read_format(const JsonValue& value, std::string_view param) {
  const std::string_view name = read_string(value);
  if (const auto format = find_format(name)) return *format;
  throw RequestError(ErrorCode::kInvalidArgument,
                     std::string(param) + ": unknown format " + excerpt(name) +
                         "; expected one of " + format_names(),
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
    if (read_string(name) == "sparse") {
      choice.sparse = true;
      continue;
    }
    const EmbeddingFormat format = read_format(name, param);
    if (std::ranges::find(choice.dense, format) == choice.dense.end()) {
      choice.dense.push_back(format);
    }
  }
  return choice;
}

std::vector<EmbeddingFormat> read_formats(const JsonValue& value, std::string_view param) {
  FormatChoice choice = read_format_choice(value, param);
  if (!choice.sparse) return std::move(choice.dense);
  throw RequestError(ErrorCode::kInvalidArgument,
                     std::string(param) +
                         ": \"sparse\" is read by POST /v1/embeddings alone; expected one of " +
                         format_names(),
                     std::string(param));
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

}  // namespace nestvec
