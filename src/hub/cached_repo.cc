// SPDX-License-Identifier: Apache-2.0
#include "hub/cached_repo.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <set>
#include <string_view>

#include "base/file.h"
#include "base/trim.h"
#include "config/model_location.h"

namespace nestvec {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxRefText = 256;
constexpr std::string_view kPartialEnd = ".incomplete";

// Entries of a folder; none of a link to one, or where it cannot be read.
std::vector<fs::path> listed(const fs::path& folder) {
  std::vector<fs::path> paths;
  std::error_code failed;
  if (!fs::is_directory(fs::symlink_status(folder, failed))) return paths;
  for (fs::directory_iterator entry(folder, failed), end; !failed && entry != end;
       entry.increment(failed)) {
    paths.push_back(entry->path());
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

// The files below a folder, links among them; folders that are links are not entered.
std::vector<fs::path> files_below(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const fs::path& path : listed(folder)) {
    std::error_code failed;
    if (!fs::is_directory(fs::symlink_status(path, failed))) {
      files.push_back(path);
      continue;
    }
    const std::vector<fs::path> below = files_below(path);
    files.insert(files.end(), below.begin(), below.end());
  }
  return files;
}

std::uint64_t own_bytes(const fs::path& path) {
  struct stat status{};
  if (::lstat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return 0;
  return static_cast<std::uint64_t>(status.st_size);
}

// The blobs of `blobs` that links below a snapshot lead to, by name.
void add_linked(const fs::path& snapshot, const fs::path& blobs, std::set<std::string>& names) {
  for (const fs::path& path : files_below(snapshot)) {
    std::error_code failed;
    const fs::path target = fs::read_symlink(path, failed);
    if (failed) continue;
    const fs::path full = (path.parent_path() / target).lexically_normal();
    if (full.parent_path() == blobs.lexically_normal()) names.insert(full.filename().string());
  }
}

void plan_refs(const std::set<std::string>& commits, RepoRemoval& removal) {
  for (const fs::path& path : files_below(fs::path(removal.folder) / "refs")) {
    if (!removal.whole) {
      if (own_bytes(path) == 0 || own_bytes(path) > kMaxRefText) continue;
      const std::string text = read_file(path.string(), kMaxRefText);
      if (!commits.contains(std::string(trim(text)))) continue;
    }
    removal.refs.push_back(path.string());
  }
}

void remove_tree(const fs::path& path) {
  std::error_code failed;
  fs::remove_all(path, failed);
  if (failed) throw file_error("cannot remove", path.string(), failed.value());
}

// The lock of a download, if nobody has it; `taken` says whether that is so. There may be no file.
FileDescriptor try_lock(const std::string& path, bool& taken) {
  FileDescriptor file(::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
  taken = !file.valid() || ::flock(file.get(), LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK;
  return file;
}

// All locks of a repository; false where somebody has one.
bool lock_all(const std::string& folder, std::vector<FileDescriptor>& locks) {
  for (const fs::path& path : listed(folder)) {
    bool taken = false;
    locks.push_back(try_lock(path.string(), taken));
    if (!taken) return false;
  }
  return true;
}

void remove_locks(const std::string& folder) {
  for (const fs::path& path : listed(folder)) {
    if (path.extension() == ".lock") ::unlink(path.c_str());
  }
  ::rmdir(folder.c_str());
}

}  // namespace

std::optional<RepoRemoval> plan_removal(const std::string& cache_folder, const std::string& repo,
                                        const std::string& revision) {
  const std::string name = repo_folder_name(repo);
  const fs::path folder = fs::path(cache_folder) / name;
  std::error_code failed;
  if (fs::is_symlink(folder, failed)) {
    throw Error(
        ErrorCode::kFailedPrecondition,
        folder.string() + ": is a symbolic link; remove it, and what it leads to, yourself");
  }
  if (!fs::is_directory(folder, failed)) return std::nullopt;
  std::string chosen;
  if (!revision.empty()) {
    const auto snapshot = find_snapshot(cache_folder, repo, revision);
    if (!snapshot) return std::nullopt;
    chosen = fs::path(*snapshot).filename().string();
  }
  RepoRemoval removal;
  removal.folder = folder.string();
  removal.locks = (fs::path(cache_folder) / ".locks" / name).string();
  removal.whole = true;
  std::set<std::string> commits;
  std::set<std::string> going;
  std::set<std::string> staying;
  for (const fs::path& snapshot : listed(folder / "snapshots")) {
    const bool goes = chosen.empty() || snapshot.filename() == chosen;
    add_linked(snapshot, folder / "blobs", goes ? going : staying);
    removal.whole = removal.whole && goes;
    if (!goes) continue;
    commits.insert(snapshot.filename().string());
    removal.snapshots.push_back(snapshot.string());
    for (const fs::path& file : files_below(snapshot)) removal.bytes += own_bytes(file);
  }
  plan_refs(commits, removal);
  for (const fs::path& blob : listed(folder / "blobs")) {
    const std::string blob_name = blob.filename().string();
    if (!removal.whole && (!going.contains(blob_name) || staying.contains(blob_name))) continue;
    removal.blobs.push_back(blob.string());
    removal.bytes += own_bytes(blob);
  }
  return removal;
}

bool is_downloading(const RepoRemoval& removal) {
  std::vector<FileDescriptor> locks;
  return !lock_all(removal.locks, locks);
}

// The names go first, so that nobody finds a snapshot without its blobs.
bool remove_from_cache(const RepoRemoval& removal) {
  std::vector<FileDescriptor> locks;
  if (!lock_all(removal.locks, locks)) return false;
  for (const std::string& path : removal.refs) remove_tree(path);
  for (const std::string& path : removal.snapshots) remove_tree(path);
  for (const std::string& path : removal.blobs) remove_tree(path);
  if (!removal.whole) return true;
  for (const char* part : {"refs", "snapshots", "blobs", ".no_exist"}) {
    remove_tree(fs::path(removal.folder) / part);
  }
  ::rmdir(removal.folder.c_str());  // unless there is something of somebody else in it
  remove_locks(removal.locks);
  return true;
}

std::vector<PartialBlob> partial_blobs(const std::string& cache_folder) {
  std::vector<PartialBlob> found;
  for (const fs::path& folder : listed(cache_folder)) {
    const std::string name = folder.filename().string();
    const std::string repo = repo_of_path(name);
    if (repo.empty()) continue;
    for (const fs::path& path : listed(folder / "blobs")) {
      const std::string blob = path.filename().string();
      struct stat status{};
      if (!blob.ends_with(kPartialEnd) || ::lstat(path.c_str(), &status) != 0 ||
          !S_ISREG(status.st_mode)) {
        continue;
      }
      const std::string etag = blob.substr(0, blob.find('.'));
      found.push_back(
          {.repo = repo,
           .path = path.string(),
           .lock = (fs::path(cache_folder) / ".locks" / name / (etag + ".lock")).string(),
           .bytes = static_cast<std::uint64_t>(status.st_size),
           .written = std::chrono::system_clock::from_time_t(status.st_mtime)});
    }
  }
  return found;
}

bool is_downloading(const PartialBlob& blob) {
  bool taken = false;
  try_lock(blob.lock, taken);
  return !taken;
}

bool remove_partial(const PartialBlob& blob) {
  bool taken = false;
  const FileDescriptor lock = try_lock(blob.lock, taken);
  if (!taken) return false;
  if (::unlink(blob.path.c_str()) != 0 && errno != ENOENT) {
    throw file_error("cannot remove", blob.path, errno);
  }
  return true;
}

}  // namespace nestvec
