// SPDX-License-Identifier: Apache-2.0
#include "base/content_hash.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>

#include "nestvec/error.h"

namespace nestvec {
namespace {

EVP_MD_CTX* md(void* context) { return static_cast<EVP_MD_CTX*>(context); }

void check(int result) {
  if (result != 1) throw Error(ErrorCode::kInternal, "OpenSSL cannot compute a hash");
}

}  // namespace

void ContentHash::Free::operator()(void* context) const { EVP_MD_CTX_free(md(context)); }

ContentHash::ContentHash(bool is_sha256) : context_(EVP_MD_CTX_new()) {
  check(context_ != nullptr ? 1 : 0);
  check(EVP_DigestInit_ex(md(context_.get()), is_sha256 ? EVP_sha256() : EVP_sha1(), nullptr));
}

ContentHash ContentHash::sha256() { return ContentHash(true); }

ContentHash ContentHash::git_blob(std::uint64_t size) {
  ContentHash hash(false);
  const std::string header = "blob " + std::to_string(size);
  hash.update(std::string_view(header.c_str(), header.size() + 1));  // with its NUL
  return hash;
}

void ContentHash::update(std::span<const std::byte> bytes) {
  check(EVP_DigestUpdate(md(context_.get()), bytes.data(), bytes.size()));
}

std::size_t ContentHash::finish_into(std::span<std::uint8_t> digest) {
  unsigned int size = 0;
  check(EVP_DigestFinal_ex(md(context_.get()), digest.data(), &size));
  return size;
}

std::string ContentHash::finish() {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::array<std::uint8_t, EVP_MAX_MD_SIZE> digest;
  std::string hex;
  for (const std::uint8_t byte : std::span(digest).first(finish_into(digest))) {
    hex.push_back(kDigits[byte >> 4]);
    hex.push_back(kDigits[byte & 15]);
  }
  return hex;
}

std::array<std::uint8_t, 32> ContentHash::finish_bytes() {
  std::array<std::uint8_t, EVP_MAX_MD_SIZE> digest;
  finish_into(digest);
  std::array<std::uint8_t, 32> bytes;
  std::copy_n(digest.begin(), bytes.size(), bytes.begin());
  return bytes;
}

std::string sha256_hex(std::string_view text) {
  ContentHash hash = ContentHash::sha256();
  hash.update(text);
  return hash.finish();
}

}  // namespace nestvec
