// SPDX-License-Identifier: Apache-2.0
// Content by its hash: SHA-256, and git's SHA-1, by which a hub names files that are not in LFS.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace nestvec {

// A running hash. Movable, not copyable, not thread-safe. Throws Error: kInternal (OpenSSL
// refuses).
class ContentHash {
 public:
  static ContentHash sha256();
  // Of "blob SIZE\0" and the content (git, Documentation/user-manual, "Object storage format").
  static ContentHash git_blob(std::uint64_t size);

  void update(std::span<const std::byte> bytes);
  void update(std::string_view text) { update(std::as_bytes(std::span(text))); }
  // Lower-case hexadecimal digits, or of SHA-256 the bytes. One of them, once, at the end.
  std::string finish();
  std::array<std::uint8_t, 32> finish_bytes();

 private:
  struct Free {
    void operator()(void* context) const;
  };
  explicit ContentHash(bool is_sha256);
  std::size_t finish_into(std::span<std::uint8_t> digest);

  std::unique_ptr<void, Free> context_;  // EVP_MD_CTX
};

// SHA-256 of a text in lower-case hexadecimal digits. Throws Error kInternal (OpenSSL refuses).
std::string sha256_hex(std::string_view text);

}  // namespace nestvec
