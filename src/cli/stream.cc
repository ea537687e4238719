// SPDX-License-Identifier: Apache-2.0
#include "cli/stream.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace nestvec {
namespace {

FileDescriptor open_to_read(const std::string& path) {
  FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) throw file_error("cannot open", path, errno);
  return file;
}

}  // namespace

InputBuffer::InputBuffer(int fd, std::string name) : fd_(fd), name_(std::move(name)) {}

InputBuffer::int_type InputBuffer::underflow() {
  const ssize_t count = ::read(fd_, buffer_.data(), buffer_.size());
  // The one signal that is caught is the user's wish to stop.
  if (count < 0 && errno == EINTR) throw Error(ErrorCode::kCancelled, "interrupted");
  if (count < 0) throw file_error("cannot read", name_, errno);
  if (count == 0) return traits_type::eof();
  setg(buffer_.data(), buffer_.data(), buffer_.data() + count);
  return traits_type::to_int_type(*gptr());
}

OutputBuffer::OutputBuffer(Sink sink) : sink_(std::move(sink)) {
  setp(buffer_.data(), buffer_.data() + buffer_.size());
}

OutputBuffer::int_type OutputBuffer::overflow(int_type c) {
  sync();
  if (traits_type::eq_int_type(c, traits_type::eof())) return traits_type::not_eof(c);
  return sputc(traits_type::to_char_type(c));
}

int OutputBuffer::sync() {
  const std::string_view bytes(pbase(), static_cast<std::size_t>(pptr() - pbase()));
  setp(buffer_.data(), buffer_.data() + buffer_.size());  // also when the sink throws
  if (!bytes.empty()) sink_(bytes);
  return 0;
}

void write_all(int fd, const std::string& name, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(fd, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EPIPE) {
      throw Error(ErrorCode::kAborted, "the reader of " + name + " went away");
    }
    if (count < 0) throw file_error("cannot write", name, errno);
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
}

InputFile::InputFile(const std::string& path)
    : file_(open_to_read(path)), buffer_(file_.get(), path), stream_(&buffer_) {
  stream_.exceptions(std::ios::badbit);
}

}  // namespace nestvec
