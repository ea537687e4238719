// SPDX-License-Identifier: Apache-2.0
#include "dialects/embedding_format.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>

#include "base/excerpt.h"
#include "dialects/request_body.h"
#include "output/pack.h"

namespace nestvec {
namespace {

struct Named {
  EmbeddingFormat format;
  std::string_view name;
  std::size_t bits;  // a dimension takes in an answer, about
};

constexpr std::array<Named, 5> kFormats = {{{EmbeddingFormat::kFloat, "float", 104},
                                            {EmbeddingFormat::kBase64, "base64", 43},
                                            {EmbeddingFormat::kBinary, "binary", 5},
                                            {EmbeddingFormat::kUbinary, "ubinary", 4},
                                            {EmbeddingFormat::kInt8, "int8", 40}}};

const Named& named(EmbeddingFormat format) {
  return *std::find_if(kFormats.begin(), kFormats.end(),
                       [format](const Named& entry) { return entry.format == format; });
}

EmbeddingFormat read_format(const JsonValue& value, std::string_view param) {
  const std::string_view name = read_string(value);
  if (const auto format = find_format(name)) return *format;
  std::string valid;
  for (const Named& entry : kFormats) valid.append(valid.empty() ? "" : ", ").append(entry.name);
  throw RequestError(
      ErrorCode::kInvalidArgument,
      std::string(param) + ": unknown format " + excerpt(name) + "; there are " + valid,
      std::string(param));
}

template <typename Byte>
void append_integers(const std::vector<Byte>& values, std::string& out) {
  std::array<char, 8> buffer;
  out.push_back('[');
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (i > 0) out.push_back(',');
    const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), int{values[i]});
    out.append(buffer.data(), end.ptr);
  }
  out.push_back(']');
}

}  // namespace

std::string_view format_name(EmbeddingFormat format) { return named(format).name; }

std::optional<EmbeddingFormat> find_format(std::string_view name) {
  for (const Named& entry : kFormats) {
    if (entry.name == name) return entry.format;
  }
  return std::nullopt;
}

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
    const bool bits = format == EmbeddingFormat::kBinary || format == EmbeddingFormat::kUbinary;
    if (bits && dimensions % 8 != 0) {
      throw RequestError(ErrorCode::kInvalidArgument,
                         std::string(param) + ": " + std::string(format_name(format)) +
                             " puts eight dimensions into a byte, and " +
                             std::to_string(dimensions) + " is not a multiple of 8",
                         std::string(param));
    }
  }
}

void append_embedding(std::span<const float> vector, EmbeddingFormat format, std::string& out) {
  switch (format) {
    case EmbeddingFormat::kFloat:
      append_json_numbers(vector, out);
      break;
    case EmbeddingFormat::kBase64:
      out.push_back('"');
      append_base64(vector, out);
      out.push_back('"');
      break;
    case EmbeddingFormat::kBinary:
      append_integers(pack_binary(vector), out);
      break;
    case EmbeddingFormat::kUbinary:
      append_integers(pack_ubinary(vector), out);
      break;
    case EmbeddingFormat::kInt8:
      append_integers(pack_int8(vector).values, out);
      break;
  }
}

void append_embedding(std::span<const float> vector, std::span<const EmbeddingFormat> formats,
                      std::string& out) {
  if (formats.size() == 1) {
    append_embedding(vector, formats.front(), out);
    return;
  }
  char before = '{';
  for (const EmbeddingFormat format : formats) {
    out.push_back(before);
    before = ',';
    out.append("\"").append(format_name(format)).append("\":");
    append_embedding(vector, format, out);
  }
  out.push_back('}');
}

std::size_t embedding_size(std::size_t dimensions, std::span<const EmbeddingFormat> formats) {
  constexpr std::size_t kAround = 48;  // names, brackets, quotes
  std::size_t bits = 0;
  for (const EmbeddingFormat format : formats) bits += named(format).bits;
  return kAround + dimensions * bits / 8;
}

}  // namespace nestvec
