// SPDX-License-Identifier: Apache-2.0
#include "dialects/embedding_format.h"

#include <algorithm>
#include <string>

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

std::vector<EmbeddingFormat> read_formats(const JsonValue& value, std::string_view param) {
  if (value.kind() != JsonValue::Kind::kArray) return {read_format(value, param)};
  constexpr std::size_t kMost = 16;
  if (value.size() == 0 || value.size() > kMost) {
    throw RequestError(ErrorCode::kInvalidArgument,
                       std::string(param) + ": expected one format or a list of some",
                       std::string(param));
  }
  std::vector<EmbeddingFormat> formats;
  for (const JsonValue& element : value.elements()) {
    const EmbeddingFormat format = read_format(element, param);
    if (std::find(formats.begin(), formats.end(), format) == formats.end()) {
      formats.push_back(format);
    }
  }
  return formats;
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
