// SPDX-License-Identifier: Apache-2.0
// A blob on its way into the cache: ETAG.incomplete, which a later pull goes on with.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "base/content_hash.h"
#include "base/file.h"
#include "hub/repo_info.h"

namespace nestvec {

// Bytes are hashed as they come. Stays behind when it is destroyed, for a resume. Not thread-safe.
// The caller holds the blob's lock. Functions throw Error as file_error does (kResourceExhausted:
// disk full).
class PartialFile {
 public:
  // Opens or creates it and hashes what is there already; starts anew where that is too long.
  PartialFile(std::string path, const RepoFile& file);

  std::uint64_t size() const noexcept { return size_; }
  bool is_whole() const noexcept { return size_ == expected_size_; }

  // False, and nothing written, where the file would grow over its size.
  bool append(std::span<const std::byte> bytes);
  // Back to zero bytes.
  void restart();
  // The hash of what is there; after it only restart() or move_to() may be called.
  std::string finish_hash() { return hash_.finish(); }
  // Flushes it to disk and gives it its name.
  void move_to(const std::string& path);
  void remove();

 private:
  ContentHash new_hash() const;
  void hash_existing();

  std::string path_;
  std::uint64_t expected_size_;
  bool is_lfs_;
  FileDescriptor file_;
  std::uint64_t size_ = 0;
  ContentHash hash_;
};

}  // namespace nestvec
