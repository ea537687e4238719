// SPDX-License-Identifier: Apache-2.0
#include "bulk/text_digest.h"

#include <openssl/evp.h>

#include <cstring>
#include <memory>

#include "nestvec/error.h"

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
  const std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context(EVP_MD_CTX_new(),
                                                                   EVP_MD_CTX_free);
  bool good = context && EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr) == 1;
  for (const std::string_view part : parts) {
    const std::uint64_t size = part.size();
    good = good && EVP_DigestUpdate(context.get(), &size, sizeof(size)) == 1 &&
           EVP_DigestUpdate(context.get(), part.data(), part.size()) == 1;
  }
  std::array<unsigned char, EVP_MAX_MD_SIZE> bytes{};
  good = good && EVP_DigestFinal_ex(context.get(), bytes.data(), nullptr) == 1;
  if (!good) throw Error(ErrorCode::kInternal, "OpenSSL cannot compute a hash");
  TextDigest digest;
  std::memcpy(digest.words.data(), bytes.data(), sizeof(digest.words));
  return digest;
}

}  // namespace nestvec
