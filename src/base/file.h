// SPDX-License-Identifier: Apache-2.0
// Files that are either whole or absent.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "nestvec/error.h"

namespace nestvec {

// Owns a file descriptor.
class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int fd) noexcept : fd_(fd) {}
  FileDescriptor(FileDescriptor&& other) noexcept;
  FileDescriptor& operator=(FileDescriptor&& other) noexcept;
  ~FileDescriptor();

  bool valid() const noexcept { return fd_ >= 0; }
  int get() const noexcept { return fd_; }
  // Gives the descriptor away: to close it is the caller's.
  int release() noexcept { return std::exchange(fd_, -1); }

 private:
  int fd_ = -1;
};

// "cannot open PATH: No such file or directory" with the code that fits errno: ENOENT and a
// name that is too long kNotFound, EACCES/EPERM kPermissionDenied, a full disk or table of open
// files kResourceExhausted, else kInternal.
Error file_error(std::string_view what, const std::string& path, int error_number);

// Writes a file under a temporary name in the same folder and gives it its name in commit();
// without commit() nothing stays behind. Not thread-safe. All functions throw Error
// (kResourceExhausted when the disk is full).
class AtomicFile {
 public:
  // Creates `path`.tmp-XXXXXX. The folder must exist.
  explicit AtomicFile(std::string path);
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  ~AtomicFile();

  void write(std::span<const std::byte> bytes);
  void write(std::string_view text);
  std::size_t written() const noexcept { return written_; }

  // fsync, rename to `path`, fsync of the folder.
  void commit();

 private:
  std::string path_;
  std::string temporary_path_;
  FileDescriptor file_;
  std::size_t written_ = 0;
};

// Where a file of that name really lies: what symbolic links at the end of the path lead to,
// whether or not it is there yet. A file that is renamed to this name leaves the links in place.
// Throws Error kInternal for links that go in a circle.
std::string follow_links(const std::string& path);

// Flushes a folder's entries to disk, so that a rename in it survives a power cut.
void sync_folder(const std::string& path);

// The whole file as a string. Throws Error as MappedFile does, and kResourceExhausted over
// `limit_bytes`.
std::string read_file(const std::string& path, std::size_t limit_bytes);

}  // namespace nestvec
