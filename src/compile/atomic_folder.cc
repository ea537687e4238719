// SPDX-License-Identifier: Apache-2.0
#include "compile/atomic_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <utility>

#include "base/platform.h"

namespace nestvec {
namespace {

namespace fs = std::filesystem;

constexpr const char* kLockName = ".lock";

FileDescriptor open_lock(const std::string& path) {
  FileDescriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (!file.valid()) throw file_error("cannot create", path, errno);
  return file;
}

// Its holder may have removed the file: a lock on a removed file protects nothing.
bool is_still_there(int fd, const std::string& path) {
  struct stat held{};
  struct stat named{};
  return ::fstat(fd, &held) == 0 && ::stat(path.c_str(), &named) == 0 &&
         held.st_ino == named.st_ino && held.st_dev == named.st_dev;
}

void remove_abandoned(const fs::path& path) {
  const std::string start = path.filename().string() + kTemporaryMark;
  std::error_code failed;
  for (const auto& entry : fs::directory_iterator(path.parent_path(), failed)) {
    if (!entry.path().filename().string().starts_with(start)) continue;
    if (is_abandoned(entry.path().string())) fs::remove_all(entry.path(), failed);
  }
}

// Gives `from` the name `to`. True when there was a folder of that name, which is called `from`
// now. Others may do the same at once, so each step may find that things have changed.
bool take_place(const std::string& from, const std::string& to) {
  constexpr int kAttempts = 100;
  int error_number = 0;
  for (int i = 0; i < kAttempts; ++i) {
    error_number = rename_new(from, to);
    if (error_number == 0) return false;
    if (error_number == EEXIST) {
      error_number = rename_exchanging(from, to);
      if (error_number == 0) return true;
    }
    if (error_number == EINVAL || error_number == ENOSYS || error_number == ENOTSUP) break;
    if (error_number != ENOENT) throw file_error("cannot create", to, error_number);
  }
  // A file system without these: an older folder goes first, and for a moment there is none.
  std::error_code failed;
  fs::remove_all(to, failed);
  if (::rename(from.c_str(), to.c_str()) != 0) throw file_error("cannot create", to, errno);
  return false;
}

}  // namespace

// The writer holds the lock in its folder. A folder without one is about to get it, or is an old
// artefact that was being removed; an hour tells them apart. The lock is never created here: others
// may be removing the folder at this moment.
bool is_abandoned(const std::string& folder) {
  const FileDescriptor lock(::open((fs::path(folder) / kLockName).c_str(), O_RDWR | O_CLOEXEC));
  if (lock.valid()) return ::flock(lock.get(), LOCK_EX | LOCK_NB) == 0;
  if (errno != ENOENT) return false;
  std::error_code failed;
  const auto written = fs::last_write_time(folder, failed);
  return !failed && fs::file_time_type::clock::now() - written > std::chrono::hours(1);
}

FileLock FileLock::wait(const std::string& path) {
  FileLock lock;
  do {
    lock.file_ = open_lock(path);
    while (::flock(lock.file_.get(), LOCK_EX) != 0) {
      if (errno != EINTR) throw file_error("cannot lock", path, errno);
    }
  } while (!is_still_there(lock.file_.get(), path));
  return lock;
}

FileLock FileLock::attempt(const std::string& path) {
  FileLock lock;
  FileDescriptor file = open_lock(path);
  if (::flock(file.get(), LOCK_EX | LOCK_NB) == 0) {
    if (!is_still_there(file.get(), path)) return attempt(path);
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
  temporary_path_ = path_ + kTemporaryMark + "XXXXXX";
  if (::mkdtemp(temporary_path_.data()) == nullptr) {
    const int error_number = errno;
    temporary_path_.clear();
    throw file_error("cannot create a folder beside", path_, error_number);
  }
  try {
    // Under its name only when it is held: whoever can get it there takes the folder for abandoned.
    const fs::path lock = fs::path(temporary_path_) / kLockName;
    lock_ = FileLock::wait(lock.string() + "-new");
    std::error_code not_renamed;
    fs::rename(lock.string() + "-new", lock, not_renamed);
    if (not_renamed) throw file_error("cannot create", lock.string(), not_renamed.value());
  } catch (const Error&) {
    std::error_code ignored;
    fs::remove_all(temporary_path_, ignored);
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
  const bool replaced = take_place(temporary_path_, path_);
  // Now the lock, or the older folder's files, have lost their use.
  fs::remove(fs::path(path_) / kLockName, failed);
  if (replaced) fs::remove_all(temporary_path_, failed);
  temporary_path_.clear();
  sync_folder(fs::path(path_).parent_path().string());
}

}  // namespace nestvec
