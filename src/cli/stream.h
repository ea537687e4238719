// SPDX-License-Identifier: Apache-2.0
// Streams over file descriptors whose failures are Errors, not forgotten flags.
#pragma once

#include <array>
#include <functional>
#include <istream>
#include <memory>
#include <ostream>
#include <streambuf>
#include <string>
#include <string_view>

#include "base/file.h"

namespace nestvec {

// Reads a file descriptor. A failure throws Error (kCancelled where a signal came), which a stream
// with exceptions(badbit) hands on.
class InputBuffer final : public std::streambuf {
 public:
  // `name` stands in errors. The descriptor stays the caller's.
  InputBuffer(int fd, std::string name);

 protected:
  int_type underflow() override;

 private:
  int fd_;
  std::string name_;
  std::array<char, 65536> buffer_;
};

// Collects what is written and passes it to a sink, which may throw. What was not flushed when the
// buffer dies is dropped.
class OutputBuffer final : public std::streambuf {
 public:
  using Sink = std::function<void(std::string_view bytes)>;
  explicit OutputBuffer(Sink sink);

 protected:
  int_type overflow(int_type c) override;
  int sync() override;

 private:
  Sink sink_;
  std::array<char, 65536> buffer_;
};

// Writes all of `bytes`. Throws Error: kAborted where the reader of a pipe has gone, else as
// file_error; `name` stands in errors.
void write_all(int fd, const std::string& name, std::string_view bytes);

// An open file to read texts from. Throws Error: kNotFound, kPermissionDenied, kInternal.
class InputFile {
 public:
  explicit InputFile(const std::string& path);
  std::istream& stream() { return stream_; }

 private:
  FileDescriptor file_;
  InputBuffer buffer_;
  std::istream stream_;
};

}  // namespace nestvec
