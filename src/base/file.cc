// SPDX-License-Identifier: Apache-2.0
#include "base/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <utility>

#include "base/excerpt.h"
#include "base/mapped_file.h"

namespace nestvec {

FileDescriptor::FileDescriptor(FileDescriptor&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)) {}

FileDescriptor& FileDescriptor::operator=(FileDescriptor&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

FileDescriptor::~FileDescriptor() {
  if (fd_ >= 0) ::close(fd_);
}

namespace {

ErrorCode code_for_errno(int error_number) {
  switch (error_number) {
    case ENOENT:
    case ENOTDIR:
    case ENAMETOOLONG:  // often a text in the place of a name
      return ErrorCode::kNotFound;
    case EACCES:
    case EPERM:
    case EROFS:
      return ErrorCode::kPermissionDenied;
    case EISDIR:
      return ErrorCode::kInvalidArgument;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
    case EMFILE:
    case ENFILE:
    case ENOMEM:
      return ErrorCode::kResourceExhausted;
    default:
      return ErrorCode::kInternal;
  }
}

}  // namespace

Error file_error(std::string_view what, const std::string& path, int error_number) {
  std::string message = std::string(what) + " " +
                        (error_number == ENAMETOOLONG ? excerpt(path) : path) + ": " +
                        std::generic_category().message(error_number);
  if (error_number == EMFILE) message += "; raise the limit of this process (ulimit -n)";
  return Error(code_for_errno(error_number), std::move(message));
}

AtomicFile::AtomicFile(std::string path) : path_(std::move(path)) {
  temporary_path_ = path_ + ".tmp-XXXXXX";
  file_ = FileDescriptor(::mkostemp(temporary_path_.data(), O_CLOEXEC));
  if (!file_.valid()) {
    const int error_number = errno;
    temporary_path_.clear();
    throw file_error("cannot create a file beside", path_, error_number);
  }
}

AtomicFile::~AtomicFile() {
  if (!temporary_path_.empty()) ::unlink(temporary_path_.c_str());
}

void AtomicFile::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(file_.get(), bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw file_error("cannot write", path_, errno);
    written_ += static_cast<std::size_t>(count);
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
}

void AtomicFile::write(std::string_view text) { write(std::as_bytes(std::span(text))); }

void AtomicFile::commit() {
  if (::fchmod(file_.get(), 0644) != 0 || ::fsync(file_.get()) != 0) {
    throw file_error("cannot write", path_, errno);
  }
  if (::rename(temporary_path_.c_str(), path_.c_str()) != 0) {
    throw file_error("cannot create", path_, errno);
  }
  temporary_path_.clear();
  const std::string folder = std::filesystem::path(path_).parent_path().string();
  sync_folder(folder.empty() ? "." : folder);
}

std::string follow_links(const std::string& path) {
  constexpr int kMostLinks = 40;  // as Linux has it
  std::filesystem::path real = path;
  for (int followed = 0; followed <= kMostLinks; ++followed) {
    std::error_code no_link;
    const std::filesystem::path target = std::filesystem::read_symlink(real, no_link);
    if (no_link) return real.string();
    real = target.is_absolute() ? target : real.parent_path() / target;
  }
  throw file_error("cannot write", path, ELOOP);
}

void sync_folder(const std::string& path) {
  FileDescriptor folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder.valid()) throw file_error("cannot open", path, errno);
  if (::fsync(folder.get()) != 0 && errno != EINVAL) {
    throw file_error("cannot flush", path, errno);
  }
}

std::string read_file(const std::string& path, std::size_t limit_bytes) {
  const MappedFile file(path);
  if (file.size() > limit_bytes) {
    throw Error(ErrorCode::kResourceExhausted, path + ": " + std::to_string(file.size()) +
                                                   " bytes, at most " +
                                                   std::to_string(limit_bytes) + " are read");
  }
  return std::string(file.text());
}

}  // namespace nestvec
