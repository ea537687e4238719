// SPDX-License-Identifier: Apache-2.0
#include "hub/hub_cache.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <thread>

#include "config/model_location.h"

namespace nestvec {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::milliseconds kLockPoll{50};
// The mark of https://bford.info/cachedir/, by which backup tools pass a cache over.
constexpr char kCacheTag[] =
    "Signature: 8a477f597d28d172789f06886806bc55\n"
    "# Models from a Hugging Face hub; a download restores them.\n"
    "# See https://bford.info/cachedir/\n";

void make_folders(const fs::path& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (!error) return;
  const Error failure = file_error("cannot create the folder", path.string(), error.value());
  throw Error(failure.code(),
              std::string(failure.what()) + "; set HF_HOME to a folder that can be written");
}

bool is_file_of_size(const std::string& path, std::uint64_t size) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) &&
         static_cast<std::uint64_t>(status.st_size) == size;
}

// filelock may remove a lock file that it releases: a lock on a removed file protects nothing.
bool is_still_there(int fd, const std::string& path) {
  struct stat held{};
  struct stat named{};
  return ::fstat(fd, &held) == 0 && ::stat(path.c_str(), &named) == 0 &&
         held.st_ino == named.st_ino && held.st_dev == named.st_dev;
}

}  // namespace

HubLock::HubLock(const std::string& path, const std::stop_token& stop,
                 const std::function<void()>& on_wait) {
  bool told = false;
  while (true) {
    file_ = FileDescriptor(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666));
    if (!file_.valid()) throw file_error("cannot open the lock", path, errno);
    while (::flock(file_.get(), LOCK_EX | LOCK_NB) != 0) {
      if (errno == EINTR) continue;
      // A file system without locks: the hash check still guards what is written.
      if (errno != EWOULDBLOCK) return;
      if (stop.stop_requested()) throw Error(ErrorCode::kCancelled, "the download was stopped");
      if (!told) on_wait();
      told = true;
      std::this_thread::sleep_for(kLockPoll);
    }
    if (is_still_there(file_.get(), path)) return;
  }
}

HubCache::HubCache(const std::string& cache_folder, const std::string& repo)
    : cache_folder_(cache_folder),
      folder_((fs::path(cache_folder) / repo_folder_name(repo)).string()),
      lock_folder_((fs::path(cache_folder) / ".locks" / repo_folder_name(repo)).string()) {}

std::string HubCache::blob(const RepoFile& file) const { return folder_ + "/blobs/" + file.etag(); }

std::string HubCache::incomplete_blob(const RepoFile& file) const {
  return blob(file) + ".incomplete";
}

std::string HubCache::lock(const RepoFile& file) const {
  return lock_folder_ + "/" + file.etag() + ".lock";
}

std::string HubCache::snapshot(const std::string& commit) const {
  return folder_ + "/snapshots/" + commit;
}

void HubCache::create_folders() const {
  make_folders(fs::path(folder_) / "blobs");
  make_folders(lock_folder_);
  const std::string tag = cache_folder_ + "/CACHEDIR.TAG";
  if (::access(tag.c_str(), F_OK) == 0) return;
  AtomicFile file(tag);
  file.write(std::string_view(kCacheTag));
  file.commit();
}

bool HubCache::has_blob(const RepoFile& file) const {
  return is_file_of_size(blob(file), file.size);
}

bool HubCache::has_file(const std::string& commit, const RepoFile& file) const {
  return is_file_of_size(snapshot(commit) + "/" + file.path, file.size);
}

void HubCache::link(const std::string& commit, const RepoFile& file) const {
  const std::string path = snapshot(commit) + "/" + file.path;
  make_folders(fs::path(path).parent_path());
  std::string target = "../../blobs/" + file.etag();
  const auto depth = std::count(file.path.begin(), file.path.end(), '/');
  for (auto i = 0 * depth; i < depth; ++i) target.insert(0, "../");
  if (::symlink(target.c_str(), path.c_str()) == 0) return;
  if (errno != EEXIST) throw file_error("cannot link", path, errno);
  const std::string temporary = path + ".tmp-" + std::to_string(::getpid());
  ::unlink(temporary.c_str());
  if (::symlink(target.c_str(), temporary.c_str()) != 0 ||
      ::rename(temporary.c_str(), path.c_str()) != 0) {
    const int error_number = errno;
    ::unlink(temporary.c_str());
    throw file_error("cannot link", path, error_number);
  }
}

void HubCache::write_ref(const std::string& revision, const std::string& commit) const {
  if (revision == commit) return;
  const fs::path path = fs::path(folder_) / "refs" / revision;
  make_folders(path.parent_path());
  std::error_code ignored;
  if (fs::is_regular_file(path, ignored) && fs::file_size(path, ignored) == commit.size() &&
      read_file(path.string(), commit.size()) == commit) {
    return;
  }
  AtomicFile file(path.string());
  file.write(commit);
  file.commit();
}

}  // namespace nestvec
