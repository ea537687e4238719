// SPDX-License-Identifier: Apache-2.0
#include "output/embedding_format.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/json_writer.h"
#include "nestvec/error.h"
#include "output/pack.h"

namespace nestvec {
namespace {

using enum EmbeddingFormat;

constexpr std::array<FormatFacts, 7> kFormats = {{
    {kFloat, "float", true, false, false, 104, "float32", "<f4", 4},
    {kFloat16, "float16", false, false, false, 104, "float16", "<f2", 2},
    {kBase64, "base64", true, false, false, 43, "", "", 0},
    {kBinary, "binary", true, true, false, 5, "binary", "|i1", 1},
    {kUbinary, "ubinary", true, true, false, 4, "ubinary", "|u1", 1},
    {kInt8, "int8", true, false, true, 40, "int8", "|i1", 1},
    {kUint8, "uint8", true, false, true, 32, "uint8", "|u1", 1},
}};

template <typename Byte>
void append_integers(const std::vector<Byte>& values, std::string& out) {
  std::array<char, 8> buffer;
  JsonArray list(out);
  for (const Byte value : values) {
    const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), int{value});
    list.next().append(buffer.data(), end.ptr);
  }
  list.end();
}

struct Uint8Vector {
  std::vector<std::uint8_t> values;
  float scale;
};

// pack_int8() plus 128.
Uint8Vector pack_uint8(std::span<const float> vector) {
  const Int8Vector packed = pack_int8(vector);
  Uint8Vector result{{}, packed.scale};
  result.values.reserve(packed.values.size());
  for (const std::int8_t value : packed.values) {
    result.values.push_back(static_cast<std::uint8_t>(value + 128));
  }
  return result;
}

template <typename T>
std::string bytes_of(std::span<const T> values) {
  return {reinterpret_cast<const char*>(values.data()), values.size_bytes()};
}

void add_name(std::string_view name, std::string_view separator, std::string& list) {
  list.append(list.empty() ? "" : separator).append(name);
}

}  // namespace

const FormatFacts& facts_of(EmbeddingFormat format) {
  return *std::ranges::find(kFormats, format, &FormatFacts::format);
}

std::string_view format_name(EmbeddingFormat format) { return facts_of(format).name; }

std::optional<EmbeddingFormat> find_format(std::string_view name) {
  const auto found = std::ranges::find(kFormats, name, &FormatFacts::name);
  if (found == kFormats.end() || !found->in_answers) return std::nullopt;
  return found->format;
}

std::optional<EmbeddingFormat> find_array_format(std::string_view dtype) {
  const auto found = std::ranges::find(kFormats, dtype, &FormatFacts::dtype);
  if (found == kFormats.end() || dtype.empty()) return std::nullopt;
  return found->format;
}

std::string format_names(std::string_view separator) {
  std::string list;
  for (const FormatFacts& facts : kFormats) {
    if (facts.in_answers) add_name(facts.name, separator, list);
  }
  return list;
}

std::string array_format_names(std::string_view separator) {
  std::string list;
  for (const FormatFacts& facts : kFormats) {
    if (!facts.dtype.empty()) add_name(facts.dtype, separator, list);
  }
  return list;
}

void check_format(EmbeddingFormat format, std::size_t dimensions) {
  constexpr std::size_t kBits = 8;
  if (!facts_of(format).packs_bits || dimensions % kBits == 0) return;
  throw Error(ErrorCode::kInvalidArgument,
              std::string(format_name(format)) + " puts eight dimensions into a byte, and " +
                  std::to_string(dimensions) + " is not a multiple of 8");
}

void append_embedding(std::span<const float> vector, EmbeddingFormat format, std::string& out) {
  switch (format) {
    case kBase64:
      out.push_back('"');
      append_base64(vector, out);
      out.push_back('"');
      break;
    case kBinary:
      append_integers(pack_binary(vector), out);
      break;
    case kUbinary:
      append_integers(pack_ubinary(vector), out);
      break;
    case kInt8:
      append_integers(pack_int8(vector).values, out);
      break;
    case kUint8:
      append_integers(pack_uint8(vector).values, out);
      break;
    default:
      append_json_numbers(vector, out);
  }
}

void append_embedding(std::span<const float> vector, std::span<const EmbeddingFormat> formats,
                      std::string& out) {
  if (formats.size() == 1) {
    append_embedding(vector, formats.front(), out);
    return;
  }
  JsonObject object(out);
  for (const EmbeddingFormat format : formats) {
    append_embedding(vector, format, object.key(format_name(format)));
  }
  object.end();
}

std::size_t embedding_size(std::size_t dimensions, std::span<const EmbeddingFormat> formats) {
  constexpr std::size_t kAround = 48;  // names, brackets, quotes
  std::size_t bits = 0;
  for (const EmbeddingFormat format : formats) bits += facts_of(format).json_bits;
  return kAround + dimensions * bits / 8;
}

ArrayRow pack_row(std::span<const float> vector, EmbeddingFormat format) {
  switch (format) {
    case kFloat16:
      return {bytes_of<std::uint16_t>(pack_float16(vector)), 0};
    case kBinary:
      return {bytes_of<std::int8_t>(pack_binary(vector)), 0};
    case kUbinary:
      return {bytes_of<std::uint8_t>(pack_ubinary(vector)), 0};
    case kInt8: {
      const Int8Vector packed = pack_int8(vector);
      return {bytes_of<std::int8_t>(packed.values), packed.scale};
    }
    case kUint8: {
      const Uint8Vector packed = pack_uint8(vector);
      return {bytes_of<std::uint8_t>(packed.values), packed.scale};
    }
    default:
      return {bytes_of(vector), 0};
  }
}

}  // namespace nestvec
