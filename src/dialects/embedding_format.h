// SPDX-License-Identifier: Apache-2.0
// The forms in which an answer may give a vector.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace nestvec {

enum class EmbeddingFormat {
  kFloat,    // numbers, each the shortest that reads back as the same float
  kBase64,   // of little-endian float32; the quickest to write and to read
  kBinary,   // a bit a dimension, eight to a signed byte
  kUbinary,  // the same in unsigned bytes
  kInt8,     // signed bytes, scaled by the vector's largest value
};

// "float", "base64", "binary", "ubinary", "int8".
std::string_view format_name(EmbeddingFormat format);
std::optional<EmbeddingFormat> find_format(std::string_view name);

// A name or a list of names, without repetitions. Throws RequestError kInvalidArgument naming the
// valid ones.
std::vector<EmbeddingFormat> read_formats(const JsonValue& value, std::string_view param);

// Whether `dimensions` can be written in all of them: bits need a multiple of eight. Throws
// RequestError kInvalidArgument otherwise.
void check_formats(std::span<const EmbeddingFormat> formats, std::size_t dimensions,
                   std::string_view param);

// Appends the vector as a JSON value. Precondition: check_formats has passed.
void append_embedding(std::span<const float> vector, EmbeddingFormat format, std::string& out);

// The same in one form, or in several as an object by their names.
void append_embedding(std::span<const float> vector, std::span<const EmbeddingFormat> formats,
                      std::string& out);

// About how many bytes that appends, for reserving room.
std::size_t embedding_size(std::size_t dimensions, std::span<const EmbeddingFormat> formats);

}  // namespace nestvec
