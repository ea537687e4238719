// SPDX-License-Identifier: Apache-2.0
// Where results go: standard output, or a file that appears whole or not at all.
#pragma once

#include <memory>
#include <ostream>
#include <string>

#include "cli/interrupt.h"
#include "cli/stream.h"

namespace nestvec {

// Throws Error kInvalidArgument where the two are one regular file, which its results would
// replace. Others are written to as they are.
void check_not_input(const std::string& output, const std::string& input);

class OutputTarget {
 public:
  // An empty path is `standard_output`. A path that is there and no regular file (/dev/null, a
  // pipe) is written as it is; links are followed. Throws Error as AtomicFile.
  OutputTarget(const std::string& path, std::ostream& standard_output);
  OutputTarget(const OutputTarget&) = delete;
  OutputTarget& operator=(const OutputTarget&) = delete;
  ~OutputTarget();

  // Throws Error from its operations where a write fails.
  std::ostream& stream() { return *stream_; }
  // Flushes, and gives a file its name. Throws Error.
  void commit();

 private:
  void open(const std::string& path);

  std::unique_ptr<InterruptGuard> guard_;  // outlives file_, which it protects
  std::unique_ptr<AtomicFile> file_;
  FileDescriptor device_;
  std::unique_ptr<OutputBuffer> buffer_;
  std::unique_ptr<std::ostream> own_stream_;
  std::ostream* stream_;
};

}  // namespace nestvec
