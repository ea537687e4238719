// SPDX-License-Identifier: Apache-2.0
// A vector in the packed forms that embedding APIs exchange.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace nestvec {

// Appends base64 (RFC 4648, with padding) of the values as little-endian IEEE float32: OpenAI's
// encoding_format "base64".
void append_base64(std::span<const float> vector, std::string& out);

// One bit a dimension, 1 for a value >= 0, most significant bit first, eight dimensions a byte:
// Jina's embedding_type "ubinary". Throws Error kInvalidArgument unless vector.size() is a multiple
// of 8.
std::vector<std::uint8_t> pack_ubinary(std::span<const float> vector);

// The same bytes minus 128: embedding_type "binary". Errors as pack_ubinary.
std::vector<std::int8_t> pack_binary(std::span<const float> vector);

// IEEE 754 binary16 ("half"), rounded to nearest, ties to even; over its range infinity.
std::vector<std::uint16_t> pack_float16(std::span<const float> vector);

// A row in signed bytes: value i is close to values[i] * scale.
struct Int8Vector {
  std::vector<std::int8_t> values;
  float scale = 0;  // largest absolute value / 127; 0 for a row of zeros
};

// The nearest multiples of the row's own scale, ties to even, so that the error is at most scale /
// 2 and the cosine hardly changes. Precondition: all values are finite.
Int8Vector pack_int8(std::span<const float> vector);

}  // namespace nestvec
