// SPDX-License-Identifier: Apache-2.0
#include "hub/partial_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <utility>
#include <vector>

namespace nestvec {

PartialFile::PartialFile(std::string path, const RepoFile& file)
    : path_(std::move(path)),
      expected_size_(file.size),
      is_lfs_(!file.sha256.empty()),
      file_(::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666)),
      hash_(new_hash()) {
  if (!file_.valid()) throw file_error("cannot create", path_, errno);
  struct stat status{};
  if (::fstat(file_.get(), &status) != 0) throw file_error("cannot read", path_, errno);
  const auto there = static_cast<std::uint64_t>(status.st_size);
  if (there > expected_size_) {
    restart();
  } else if (there > 0) {
    hash_existing();
  }
}

ContentHash PartialFile::new_hash() const {
  return is_lfs_ ? ContentHash::sha256() : ContentHash::git_blob(expected_size_);
}

void PartialFile::hash_existing() {
  std::vector<std::byte> buffer(1u << 20);
  while (true) {
    const ssize_t count = ::read(file_.get(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw file_error("cannot read", path_, errno);
    if (count == 0) return;
    hash_.update(std::span(buffer).first(static_cast<std::size_t>(count)));
    size_ += static_cast<std::uint64_t>(count);
  }
}

bool PartialFile::append(std::span<const std::byte> bytes) {
  if (bytes.size() > expected_size_ - size_) return false;
  while (!bytes.empty()) {
    const ssize_t count = ::write(file_.get(), bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      const Error error = file_error("cannot write", path_, errno);
      if (error.code() != ErrorCode::kResourceExhausted) throw error;
      throw Error(error.code(), std::string(error.what()) +
                                    "; free some space and pull again, the download resumes");
    }
    const auto written = static_cast<std::size_t>(count);
    hash_.update(bytes.first(written));
    size_ += written;
    bytes = bytes.subspan(written);
  }
  return true;
}

void PartialFile::restart() {
  if (::ftruncate(file_.get(), 0) != 0 || ::lseek(file_.get(), 0, SEEK_SET) != 0) {
    throw file_error("cannot write", path_, errno);
  }
  size_ = 0;
  hash_ = new_hash();
}

void PartialFile::move_to(const std::string& path) {
  if (::fsync(file_.get()) != 0) throw file_error("cannot write", path_, errno);
  if (::rename(path_.c_str(), path.c_str()) != 0) throw file_error("cannot create", path, errno);
  sync_folder(std::filesystem::path(path).parent_path().string());
}

void PartialFile::remove() { ::unlink(path_.c_str()); }

}  // namespace nestvec
