// SPDX-License-Identifier: Apache-2.0
// The folder in which an index lies, held by one process.
#pragma once

#include <functional>
#include <string>

#include "base/file.h"

namespace nestvec {

// Not thread-safe.
class IndexFolder {
 public:
  // Makes the folder if it is not there, with a .gitignore, and takes its lock. While another
  // process has the lock, calls `waiting` often; it may throw. Blocks. Throws Error: as file_error,
  // kInvalidArgument (a symbolic link or no folder).
  IndexFolder(std::string path, const std::function<void()>& waiting);

  std::string index_path() const { return path_ + "/index"; }

 private:
  std::string path_;
  FileDescriptor lock_;
};

}  // namespace nestvec
