// SPDX-License-Identifier: Apache-2.0
#include "output/pack.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "nestvec/error.h"

namespace nestvec {

static_assert(std::endian::native == std::endian::little,
              "floats are written as they lie in memory");

namespace {

std::uint16_t to_float16(float value) {
  constexpr std::uint32_t kInfinity = 0x7F800000;
  constexpr std::uint32_t kOverflow = 0x47800000;     // 2^16
  constexpr std::uint32_t kLeastNormal = 0x38800000;  // 2^-14
  constexpr std::uint32_t kBias = 0x38000000;         // of float's exponent over half's
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t sign = bits >> 16 & 0x8000;
  std::uint32_t size = bits & 0x7FFFFFFF;
  std::uint32_t half = 0;
  if (size > kInfinity) {
    half = 0x7E00;  // NaN
  } else if (size >= kOverflow) {
    half = 0x7C00;
  } else if (size < kLeastNormal) {
    half = static_cast<std::uint32_t>(std::lrint(std::fabs(value) * 0x1p24F));
  } else {
    size += 0x0FFF + (size >> 13 & 1);  // half a step, less for an even result: ties to even
    half = (size - kBias) >> 13;
  }
  return static_cast<std::uint16_t>(sign | half);
}

}  // namespace

void append_base64(std::span<const float> vector, std::string& out) {
  static constexpr char kAlphabet[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const std::span<const std::byte> bytes = std::as_bytes(vector);
  const auto byte = [&](std::size_t i) -> std::uint32_t {
    return i < bytes.size() ? std::to_integer<std::uint32_t>(bytes[i]) : 0;
  };
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::uint32_t group = byte(i) << 16 | byte(i + 1) << 8 | byte(i + 2);
    out.push_back(kAlphabet[group >> 18]);
    out.push_back(kAlphabet[group >> 12 & 63]);
    out.push_back(i + 1 < bytes.size() ? kAlphabet[group >> 6 & 63] : '=');
    out.push_back(i + 2 < bytes.size() ? kAlphabet[group & 63] : '=');
  }
}

std::vector<std::uint8_t> pack_ubinary(std::span<const float> vector) {
  if (vector.size() % 8 != 0) {
    throw Error(ErrorCode::kInvalidArgument,
                "binary packing puts eight dimensions into a byte, and " +
                    std::to_string(vector.size()) + " is not a multiple of 8");
  }
  std::vector<std::uint8_t> bytes(vector.size() / 8);
  for (std::size_t i = 0; i < vector.size(); ++i) {
    const std::uint32_t bit = vector[i] >= 0 ? 0x80u >> (i % 8) : 0u;
    bytes[i / 8] = static_cast<std::uint8_t>(bytes[i / 8] | bit);
  }
  return bytes;
}

std::vector<std::int8_t> pack_binary(std::span<const float> vector) {
  std::vector<std::int8_t> bytes;
  for (const std::uint8_t byte : pack_ubinary(vector)) {
    bytes.push_back(static_cast<std::int8_t>(static_cast<int>(byte) - 128));
  }
  return bytes;
}

std::vector<std::uint16_t> pack_float16(std::span<const float> vector) {
  std::vector<std::uint16_t> halves(vector.size());
  std::transform(vector.begin(), vector.end(), halves.begin(), to_float16);
  return halves;
}

Int8Vector pack_int8(std::span<const float> vector) {
  float largest = 0;
  for (const float value : vector) largest = std::max(largest, std::fabs(value));
  Int8Vector packed;
  packed.scale = largest / 127.0f;
  for (const float value : vector) {
    // In double: the quotient by a tiny scale must neither overflow nor round twice.
    const double steps =
        largest == 0 ? 0 : static_cast<double>(value) * 127.0 / static_cast<double>(largest);
    packed.values.push_back(static_cast<std::int8_t>(std::lrint(steps)));
  }
  return packed;
}

}  // namespace nestvec
