// SPDX-License-Identifier: Apache-2.0
// Folders that are either whole or absent, and locks that die with their process.
#pragma once

#include <string>

#include "base/file.h"

namespace nestvec {

// An advisory lock on a file (flock), held until the object dies or its process ends. Movable. Who
// holds it may remove the file: others then take the lock of a new one.
class FileLock {
 public:
  FileLock() = default;
  // Creates the file if need be and waits for the lock. Blocks. Throws Error as file_error does.
  static FileLock wait(const std::string& path);
  // The same without waiting: not held() when somebody else has it.
  static FileLock attempt(const std::string& path);

  bool held() const noexcept { return file_.valid(); }

 private:
  FileDescriptor file_;
};

// True for a folder that a process which died was making, or that was being removed: nobody holds
// the lock in it, or it has none and is older than an hour. Blocks on file I/O.
bool is_abandoned(const std::string& folder);

// The name that a folder has while it is made or removed begins with its own name and this.
inline constexpr const char* kTemporaryMark = ".tmp-";

// A folder under construction beside its final place. Without commit() nothing stays behind; what a
// process that died left there is removed by the next one. Not thread-safe.
class AtomicFolder {
 public:
  // Creates `path`.tmp-XXXXXX and the folders above it. Throws Error as file_error does.
  explicit AtomicFolder(std::string path);
  AtomicFolder(const AtomicFolder&) = delete;
  AtomicFolder& operator=(const AtomicFolder&) = delete;
  ~AtomicFolder();

  // Where to write. Empty after commit().
  const std::string& temporary_path() const noexcept { return temporary_path_; }

  // Gives the folder its name in one step; a folder of that name is replaced and removed.
  void commit();

 private:
  std::string path_;
  std::string temporary_path_;
  FileLock lock_;
};

}  // namespace nestvec
