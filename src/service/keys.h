// SPDX-License-Identifier: Apache-2.0
// API keys: held as hashes, compared in constant time, replaced while requests run.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace nestvec {

// Safe for concurrent use.
class KeyStore {
 public:
  KeyStore();
  ~KeyStore();

  // Replaces all keys by those of `list` (separated by commas) and of `file` (one a line, "#"
  // begins a comment; a line "NAME: KEY" gives it a name for logs). Both may be empty. Throws Error
  // kNotFound, kInvalidArgument; the keys then stay as they were.
  void load(std::string_view list, const std::string& file);

  bool empty() const;

  // The name of the key ("key-1" for the first without one); nullopt for one that is not known.
  // Takes the same time for every key.
  std::optional<std::string> find(std::string_view key) const;

  // The key of an Authorization header: "Bearer KEY", "Key KEY" or "Token KEY"; nullopt for another
  // scheme, and for a scheme alone.
  static std::optional<std::string_view> from_authorization(std::string_view header);

 private:
  struct Entry {
    std::string name;
    std::array<std::uint8_t, 32> hash;  // SHA-256 of a per-process salt and the key
  };
  using Entries = std::vector<Entry>;

  std::array<std::uint8_t, 32> digest(std::string_view key) const;

  std::array<std::uint8_t, 16> salt_;
  mutable std::mutex mutex_;  // guards entries_
  std::shared_ptr<const Entries> entries_;
};

}  // namespace nestvec
