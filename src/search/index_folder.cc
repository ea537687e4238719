// SPDX-License-Identifier: Apache-2.0
#include "search/index_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <cerrno>
#include <chrono>
#include <thread>
#include <utility>

namespace nestvec {
namespace {

constexpr std::chrono::milliseconds kLookAgain{50};

// A folder to search may belong to somebody else, or lie on a disk that cannot be written.
Error no_index(const char* what, const std::string& path, int error_number) {
  const Error error = file_error(what, path, error_number);
  return Error(error.code(),
               std::string(error.what()) + "; name another place for the index with --index");
}

// True where the folder was made.
bool make_index_folder(const std::string& path) {
  if (::mkdir(path.c_str(), 0777) == 0) return true;
  if (errno != EEXIST) throw no_index("cannot make the index's folder", path, errno);
  struct stat status{};
  if (::lstat(path.c_str(), &status) != 0) throw file_error("cannot open", path, errno);
  if (S_ISDIR(status.st_mode)) return false;
  // A link in a folder that somebody else made might lead anywhere.
  throw Error(ErrorCode::kInvalidArgument,
              path + " is no folder; remove it, or name another with --index");
}

}  // namespace

IndexFolder::IndexFolder(std::string path, const std::function<void()>& waiting)
    : path_(std::move(path)) {
  const bool made = make_index_folder(path_);
  const std::string lock = path_ + "/lock";
  lock_ = FileDescriptor(
      ::open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0666));
  if (!lock_.valid()) throw no_index("cannot open", lock, errno);
  // A file system without locks has none.
  while (::flock(lock_.get(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
    waiting();
    std::this_thread::sleep_for(kLookAgain);
  }
  if (!made) return;
  AtomicFile ignore(path_ + "/.gitignore");
  ignore.write(std::string_view("*\n"));
  ignore.commit();
}

}  // namespace nestvec
