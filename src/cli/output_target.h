// SPDX-License-Identifier: Apache-2.0
// Where results go: standard output, or a file that appears whole or not at all.
#pragma once

#include <memory>
#include <ostream>
#include <streambuf>
#include <string>

#include "base/file.h"

namespace nestvec {

class OutputTarget {
 public:
  // An empty path is `standard_output`. Throws Error as AtomicFile.
  OutputTarget(const std::string& path, std::ostream& standard_output);
  ~OutputTarget();

  std::ostream& stream();
  // Gives the file its name. Throws Error where a write failed.
  void commit();

 private:
  class FileBuffer;
  std::ostream& standard_output_;
  std::unique_ptr<FileBuffer> buffer_;
  std::unique_ptr<std::ostream> file_stream_;
};

}  // namespace nestvec
