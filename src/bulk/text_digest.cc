// SPDX-License-Identifier: Apache-2.0
#include "bulk/text_digest.h"

#include <cstring>

#include "base/content_hash.h"

namespace nestvec {

std::string TextDigest::hex() const {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const std::uint64_t word : words) {
    for (int shift = 60; shift >= 0; shift -= 4) text.push_back(kDigits[word >> shift & 15]);
  }
  return text;
}

TextDigest digest_of(std::span<const std::string_view> parts) {
  ContentHash hash = ContentHash::sha256();
  for (const std::string_view part : parts) {
    const std::uint64_t size = part.size();
    hash.update(std::as_bytes(std::span(&size, 1)));
    hash.update(part);
  }
  const std::array<std::uint8_t, 32> bytes = hash.finish_bytes();
  TextDigest digest;
  std::memcpy(digest.words.data(), bytes.data(), sizeof(digest.words));
  return digest;
}

}  // namespace nestvec
