// SPDX-License-Identifier: Apache-2.0
// The two hashes by which a hub names content: SHA-256 for files in LFS, git's SHA-1 for the rest.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace nestvec {

// A running hash. Movable, not copyable, not thread-safe. Throws Error: kInternal (OpenSSL
// refuses).
class ContentHash {
 public:
  static ContentHash sha256();
  // Of "blob SIZE\0" and the content (git, Documentation/user-manual, "Object storage format").
  static ContentHash git_blob(std::uint64_t size);

  void update(std::span<const std::byte> bytes);
  // Lower-case hexadecimal digits. To be called once, at the end.
  std::string finish();

 private:
  struct Free {
    void operator()(void* context) const;
  };
  explicit ContentHash(bool is_sha256);

  std::unique_ptr<void, Free> context_;  // EVP_MD_CTX
};

}  // namespace nestvec
