// SPDX-License-Identifier: Apache-2.0
// The forms in which a vector leaves: one table for the command, the server and bulk runs.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace nestvec {

enum class EmbeddingFormat {
  kFloat,    // numbers, each the shortest that reads back as the same float
  kFloat16,  // halves, see pack_float16
  kBase64,   // of little-endian float32; the quickest to write and to read
  kBinary,   // a bit a dimension, eight to a signed byte, see pack_binary
  kUbinary,  // the same in unsigned bytes
  kInt8,     // signed bytes, scaled by the vector's largest value, see pack_int8
  kUint8,    // the same plus 128
};

struct FormatFacts {
  EmbeddingFormat format;
  std::string_view name;
  bool in_answers;          // a client may ask for it by its name
  bool packs_bits;          // eight dimensions are one value
  bool has_scale;           // numbers of an array are multiples of a scale of their vector
  std::size_t json_bits;    // that a dimension takes as JSON, about
  std::string_view dtype;   // the name for arrays, "float32"; empty = it is no array
  std::string_view descr;   // the type in files of arrays, "<f4"
  std::size_t value_bytes;  // of a number there
};
const FormatFacts& facts_of(EmbeddingFormat format);

// "float", "base64", "binary", "ubinary", "int8", "uint8"; find_format knows those that answers
// have.
std::string_view format_name(EmbeddingFormat format);
std::optional<EmbeddingFormat> find_format(std::string_view name);
// "float32", "float16", "binary", "ubinary", "int8", "uint8": the forms of arrays by their dtype.
std::optional<EmbeddingFormat> find_array_format(std::string_view dtype);

// All names that these know.
std::string format_names(std::string_view separator = ", ");
std::string array_format_names(std::string_view separator = ", ");

// Throws Error kInvalidArgument, which names the format, where a vector of so many dimensions has
// no such form: bits need a multiple of eight.
void check_format(EmbeddingFormat format, std::size_t dimensions);

// Appends the vector as a JSON value. Precondition: check_format has passed, and answers have the
// format.
void append_embedding(std::span<const float> vector, EmbeddingFormat format, std::string& out);

// The same in one form, or in several as an object by their names.
void append_embedding(std::span<const float> vector, std::span<const EmbeddingFormat> formats,
                      std::string& out);

// About how many bytes that appends, for reserving room.
std::size_t embedding_size(std::size_t dimensions, std::span<const EmbeddingFormat> formats);

// The vector as it lies in an array, little-endian. Precondition: check_format has passed, and the
// format has a dtype.
struct ArrayRow {
  std::string bytes;
  float scale = 0;  // of formats that have one
};
ArrayRow pack_row(std::span<const float> vector, EmbeddingFormat format);

}  // namespace nestvec
