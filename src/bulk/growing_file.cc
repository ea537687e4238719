// SPDX-License-Identifier: Apache-2.0
#include "bulk/growing_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <utility>

namespace nestvec {
namespace {

constexpr std::size_t kBuffer = std::size_t{256} << 10;

}  // namespace

GrowingFile::GrowingFile(std::string path, std::uint64_t keep) : path_(std::move(path)) {
  file_ = FileDescriptor(::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (!file_.valid()) throw file_error("cannot open", path_, errno);
  if (::flock(file_.get(), LOCK_EX | LOCK_NB) != 0) {
    throw Error(ErrorCode::kAlreadyExists, path_ + ": another run is writing it");
  }
  struct stat status{};
  if (::fstat(file_.get(), &status) != 0) throw file_error("cannot read", path_, errno);
  if (static_cast<std::uint64_t>(status.st_size) < keep) {
    throw Error(ErrorCode::kDataLoss, path_ + " has " + std::to_string(status.st_size) +
                                          " bytes, and the checkpoint counts " +
                                          std::to_string(keep) + "; start over with --restart");
  }
  if (::ftruncate(file_.get(), static_cast<off_t>(keep)) != 0) {
    throw file_error("cannot write", path_, errno);
  }
  written_ = keep;
}

void GrowingFile::write_at(std::uint64_t offset, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count =
        ::pwrite(file_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw file_error("cannot write", path_, errno);
    offset += static_cast<std::uint64_t>(count);
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
}

void GrowingFile::flush() {
  write_at(written_, buffer_);
  written_ += buffer_.size();
  buffer_.clear();
}

void GrowingFile::append(std::string_view bytes) {
  buffer_.append(bytes);
  if (buffer_.size() >= kBuffer) flush();
}

std::string GrowingFile::read(std::uint64_t offset, std::size_t bytes) {
  if (offset + bytes > written_) flush();
  std::string text(bytes, '\0');
  std::size_t done = 0;
  while (done < bytes) {
    const ssize_t count =
        ::pread(file_.get(), text.data() + done, bytes - done, static_cast<off_t>(offset + done));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw file_error("cannot read", path_, errno);
    if (count == 0) throw Error(ErrorCode::kDataLoss, path_ + " was truncated during the run");
    done += static_cast<std::size_t>(count);
  }
  return text;
}

void GrowingFile::overwrite(std::uint64_t offset, std::string_view bytes) {
  flush();
  write_at(offset, bytes);
}

void GrowingFile::sync() {
  flush();
  if (::fdatasync(file_.get()) != 0) throw file_error("cannot write", path_, errno);
}

void sync_folder_of(const std::string& path) {
  const std::string folder = std::filesystem::path(path).parent_path().string();
  sync_folder(folder.empty() ? "." : folder);
}

}  // namespace nestvec
