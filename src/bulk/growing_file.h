// SPDX-License-Identifier: Apache-2.0
// A file that grows at its end and can be cut back to what a checkpoint counts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/file.h"

namespace nestvec {

// Not thread-safe. All functions throw Error as file_error.
class GrowingFile {
 public:
  // Opens or creates `path` and keeps its first `keep` bytes. Throws Error: kDataLoss (there are
  // fewer), kAlreadyExists (another process holds it).
  GrowingFile(std::string path, std::uint64_t keep);

  void append(std::string_view bytes);
  // With what is not written yet.
  std::uint64_t size() const noexcept { return written_ + buffer_.size(); }
  // Precondition: offset + bytes <= size().
  std::string read(std::uint64_t offset, std::size_t bytes);
  void overwrite(std::uint64_t offset, std::string_view bytes);
  // Everything is on the disk when it returns.
  void sync();

  const std::string& path() const noexcept { return path_; }

 private:
  void flush();
  void write_at(std::uint64_t offset, std::string_view bytes);

  std::string path_;
  FileDescriptor file_;
  std::uint64_t written_ = 0;
  std::string buffer_;
};

// sync_folder of the folder in which a file lies.
void sync_folder_of(const std::string& path);

}  // namespace nestvec
