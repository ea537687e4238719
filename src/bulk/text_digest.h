// SPDX-License-Identifier: Apache-2.0
// What equal texts have in common and different ones have not: 128 bits of SHA-256.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace nestvec {

struct TextDigest {
  std::array<std::uint64_t, 2> words{};
  bool operator==(const TextDigest&) const = default;
  // 32 hexadecimal digits.
  std::string hex() const;
};

struct TextDigestHash {
  std::size_t operator()(const TextDigest& digest) const noexcept { return digest.words[0]; }
};

// Of the parts, each with its length, so that {"ab", "c"} is not {"a", "bc"}. Throws Error
// kInternal (OpenSSL refuses).
TextDigest digest_of(std::span<const std::string_view> parts);

}  // namespace nestvec
