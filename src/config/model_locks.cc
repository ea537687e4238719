// SPDX-License-Identifier: Apache-2.0
#include "config/model_locks.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <string_view>

namespace nestvec {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kRemoved = ".removed-";
constexpr std::string_view kHalfMade = ".half-made-";

// False where somebody else has a lock that goes against it. A file system without locks has none.
bool lock(const FileDescriptor& file, int operation) {
  return ::flock(file.get(), operation | LOCK_NB) == 0 || errno != EWOULDBLOCK;
}

FileDescriptor open_folder(const std::string& path) {
  return FileDescriptor(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

bool is_removed_name(std::string_view name) {
  const std::size_t at = name.rfind(kRemoved);
  if (at == std::string_view::npos) return false;
  const std::string_view pid = name.substr(at + kRemoved.size());
  return !pid.empty() && pid.find_first_not_of("0123456789") == std::string_view::npos;
}

bool is_half_made_name(std::string_view name) {
  const std::size_t at = name.rfind(kHalfMade);
  if (at == std::string_view::npos) return false;
  const std::string_view random = name.substr(at + kHalfMade.size());  // as mktemp fills it
  return !random.empty() && std::all_of(random.begin(), random.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  });
}

std::uint64_t bytes_below(const fs::path& folder) {
  std::uint64_t bytes = 0;
  std::error_code failed;
  for (fs::recursive_directory_iterator entry(folder, failed), end; !failed && entry != end;
       entry.increment(failed)) {
    struct stat status{};
    if (::lstat(entry->path().c_str(), &status) == 0 && S_ISREG(status.st_mode)) {
      bytes += static_cast<std::uint64_t>(status.st_size);
    }
  }
  return bytes;
}

// The lock of a leftover that nobody makes or removes, else not valid.
FileDescriptor take(const ModelLeftover& leftover) {
  const bool removed = is_removed_name(fs::path(leftover.path).filename().string());
  const auto age = std::chrono::system_clock::now() - leftover.written;
  if (!removed && age < std::chrono::hours(1)) return {};
  return lock_model_folder(leftover.path);
}

}  // namespace

FileDescriptor hold_model_file(const std::string& path) {
  FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid() || !lock(file, LOCK_SH)) return {};
  return file;
}

bool is_model_file_held(const std::string& path) {
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  return file.valid() && !lock(file, LOCK_EX);
}

FileDescriptor lock_model_folder(const std::string& path) {
  FileDescriptor folder = open_folder(path);
  if (!folder.valid() || !lock(folder, LOCK_EX)) return {};
  return folder;
}

std::vector<ModelLeftover> model_leftovers(const std::string& models_folder) {
  std::vector<ModelLeftover> found;
  std::error_code failed;
  for (fs::directory_iterator entry(models_folder, failed), end; !failed && entry != end;
       entry.increment(failed)) {
    const std::string name = entry->path().filename().string();
    struct stat status{};
    if (!name.starts_with('.') || !(is_removed_name(name) || is_half_made_name(name)) ||
        ::lstat(entry->path().c_str(), &status) != 0 || !S_ISDIR(status.st_mode)) {
      continue;
    }
    found.push_back({.path = entry->path().string(),
                     .bytes = bytes_below(entry->path()),
                     .written = std::chrono::system_clock::from_time_t(status.st_mtime)});
  }
  std::sort(found.begin(), found.end(),
            [](const ModelLeftover& a, const ModelLeftover& b) { return a.path < b.path; });
  return found;
}

bool is_in_use(const ModelLeftover& leftover) { return !take(leftover).valid(); }

bool remove_leftover(const ModelLeftover& leftover) {
  const FileDescriptor taken = take(leftover);
  if (!taken.valid()) return false;
  std::error_code failed;
  fs::remove_all(leftover.path, failed);
  if (failed) throw file_error("cannot remove", leftover.path, failed.value());
  return true;
}

}  // namespace nestvec
