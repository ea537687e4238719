// SPDX-License-Identifier: Apache-2.0
#include "compile/atomic_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <utility>

namespace nestvec {
namespace {

namespace fs = std::filesystem;

constexpr const char* kLockName = ".lock";
constexpr const char* kTemporary = ".tmp-";

FileDescriptor open_lock(const std::string& path) {
  FileDescriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (!file.valid()) throw file_error("cannot create", path, errno);
  return file;
}

// The writer holds the lock in its folder. A folder without one is about to get it, or is an old
// artefact that was being removed; an hour tells them apart.
bool is_abandoned(const fs::path& folder) {
  std::error_code failed;
  if (fs::exists(folder / kLockName, failed)) {
    return FileLock::attempt((folder / kLockName).string()).held();
  }
  const auto written = fs::last_write_time(folder, failed);
  return !failed && fs::file_time_type::clock::now() - written > std::chrono::hours(1);
}

void remove_abandoned(const fs::path& path) {
  const std::string start = path.filename().string() + kTemporary;
  std::error_code failed;
  for (const auto& entry : fs::directory_iterator(path.parent_path(), failed)) {
    if (!entry.path().filename().string().starts_with(start)) continue;
    if (is_abandoned(entry.path())) fs::remove_all(entry.path(), failed);
  }
}

}  // namespace

FileLock FileLock::wait(const std::string& path) {
  FileLock lock;
  lock.file_ = open_lock(path);
  while (::flock(lock.file_.get(), LOCK_EX) != 0) {
    if (errno != EINTR) throw file_error("cannot lock", path, errno);
  }
  return lock;
}

FileLock FileLock::attempt(const std::string& path) {
  FileLock lock;
  FileDescriptor file = open_lock(path);
  if (::flock(file.get(), LOCK_EX | LOCK_NB) == 0) {
    lock.file_ = std::move(file);
  } else if (errno != EWOULDBLOCK) {
    throw file_error("cannot lock", path, errno);
  }
  return lock;
}

AtomicFolder::AtomicFolder(std::string path) : path_(std::move(path)) {
  const fs::path parent = fs::path(path_).parent_path();
  std::error_code failed;
  fs::create_directories(parent, failed);
  if (failed) throw file_error("cannot create", parent.string(), failed.value());
  remove_abandoned(path_);
  temporary_path_ = path_ + kTemporary + "XXXXXX";
  if (::mkdtemp(temporary_path_.data()) == nullptr) {
    const int error_number = errno;
    temporary_path_.clear();
    throw file_error("cannot create a folder beside", path_, error_number);
  }
  try {
    lock_ = FileLock::wait((fs::path(temporary_path_) / kLockName).string());
  } catch (const Error&) {
    ::rmdir(temporary_path_.c_str());
    throw;
  }
}

AtomicFolder::~AtomicFolder() {
  std::error_code ignored;
  if (!temporary_path_.empty()) fs::remove_all(temporary_path_, ignored);
}

void AtomicFolder::commit() {
  std::error_code failed;
  fs::permissions(temporary_path_, fs::perms(0755), failed);
  sync_folder(temporary_path_);
  const bool replaces = fs::exists(path_, failed);
  const unsigned flags = replaces ? RENAME_EXCHANGE : RENAME_NOREPLACE;
  if (::renameat2(AT_FDCWD, temporary_path_.c_str(), AT_FDCWD, path_.c_str(), flags) != 0) {
    throw file_error("cannot create", path_, errno);
  }
  // Now the lock, or the older folder's files, have lost their use.
  fs::remove(fs::path(path_) / kLockName, failed);
  if (replaces) fs::remove_all(temporary_path_, failed);
  temporary_path_.clear();
  sync_folder(fs::path(path_).parent_path().string());
}

}  // namespace nestvec
