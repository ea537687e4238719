// SPDX-License-Identifier: Apache-2.0
// A hash for tables of foreign keys: who does not know its key cannot choose where they go.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace nestvec {

// SipHash-2-4 (Aumasson and Bernstein, 2012).
class KeyedHash {
 public:
  using Key = std::array<std::uint64_t, 2>;

  // A random key. Throws std::runtime_error where the system has no source of randomness.
  KeyedHash();
  explicit KeyedHash(const Key& key) : key_(key) {}

  std::size_t operator()(std::string_view bytes) const noexcept;

 private:
  Key key_;
};

}  // namespace nestvec
