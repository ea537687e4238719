// SPDX-License-Identifier: Apache-2.0
// A file mapped read-only into memory.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace nestvec {

// Maps a whole file; pages become resident when they are touched. Movable, not copyable.
class MappedFile {
 public:
  MappedFile() = default;
  // Throws Error: kNotFound (no such file), kPermissionDenied, kInvalidArgument (a folder, a pipe),
  // kInternal (the system refused), each with the path.
  explicit MappedFile(const std::string& path);
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  ~MappedFile();

  const std::string& path() const noexcept { return path_; }
  std::size_t size() const noexcept { return size_; }
  // Valid until the object dies.
  std::span<const std::byte> bytes() const noexcept { return {data_, size_}; }
  std::string_view text() const noexcept { return {reinterpret_cast<const char*>(data_), size_}; }

 private:
  std::string path_;
  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

// Asks for pages of 2 MiB under mapped bytes that will be read often: fewer misses of the table of
// pages. A wish, before the first touch: the system grants it where memory, its file system and the
// place in the file (a multiple of 2 MiB) allow.
void wish_large_pages(std::span<const std::byte> bytes) noexcept;

}  // namespace nestvec
