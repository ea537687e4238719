// SPDX-License-Identifier: Apache-2.0
#include "compile/cache_entries.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <optional>
#include <string_view>
#include <utility>

#include "compile/atomic_folder.h"
#include "compile/fingerprint.h"
#include "compile/manifest.h"
#include "config/model_location.h"

namespace nestvec {
namespace {

namespace fs = std::filesystem;

constexpr const char* kUsedName = "used";
constexpr std::string_view kLockEnd = ".lock";
constexpr std::size_t kHashDigits = 16;
constexpr std::size_t kMaxModelName = 150;  // bytes; a file name has 255 at most
constexpr std::time_t kDay = 24 * 60 * 60;

std::string model_part(const fs::path& folder) {
  std::string name = repo_of_path(folder.string());
  if (name.empty()) name = folder.filename().string();
  if (const std::size_t slash = name.find('/'); slash != std::string::npos) {
    name.replace(slash, 1, "--");
  }
  return name.substr(0, kMaxModelName);
}

bool ends_with_hash(std::string_view name) {
  if (name.size() <= kHashDigits || name[name.size() - kHashDigits - 1] != '-') return false;
  return name.substr(name.size() - kHashDigits).find_first_not_of("0123456789abcdef") ==
         std::string_view::npos;
}

// "NAME" of "NAME.tmp-XXXXXX"; empty for another name.
std::string_view before_temporary_mark(std::string_view name) {
  const std::size_t mark = name.rfind(kTemporaryMark);
  constexpr std::size_t kRandom = 6;
  const std::size_t after = mark + std::string_view(kTemporaryMark).size();
  return mark == std::string_view::npos || name.size() != after + kRandom ? std::string_view()
                                                                          : name.substr(0, mark);
}

std::optional<struct stat> status_of(const fs::path& path) {
  struct stat status{};
  if (::lstat(path.c_str(), &status) != 0) return std::nullopt;
  return status;
}

bool is_real_folder(const fs::path& path) {
  const auto status = status_of(path);
  return status && S_ISDIR(status->st_mode);
}

bool is_real_file(const fs::path& path) {
  const auto status = status_of(path);
  return status && S_ISREG(status->st_mode);
}

std::chrono::system_clock::time_point written(const fs::path& path) {
  const auto status = status_of(path);
  return std::chrono::system_clock::from_time_t(status ? status->st_mtime : 0);
}

std::uint64_t bytes_in(const fs::path& folder) {
  std::uint64_t bytes = 0;
  std::error_code failed;
  for (fs::directory_iterator file(folder, failed), end; !failed && file != end;
       file.increment(failed)) {
    const auto status = status_of(file->path());
    if (status && S_ISREG(status->st_mode)) bytes += static_cast<std::uint64_t>(status->st_size);
  }
  return bytes;
}

void read_manifest_of(CacheEntry& entry) {
  try {
    const Manifest manifest = read_manifest(entry.path);
    entry.repository = manifest.repository;
    entry.layout = manifest.layout;
    entry.precision = manifest.precision;
    entry.max_tokens = manifest.max_tokens;
  } catch (const NewerFormat& error) {
    entry.problem = error.what();
    entry.newer = true;
  } catch (const Error& error) {
    entry.problem = error.what();
  }
}

// A folder that `nestvec compile` wrote here is a model of its own, with a config.json.
bool is_ours(const fs::path& folder) {
  return is_real_file(folder / kManifestName) && !is_real_file(folder / "config.json");
}

std::optional<CacheEntry> entry_at(const fs::path& path) {
  const std::string name = path.filename().string();
  const std::string_view made = before_temporary_mark(name);
  CacheEntry entry;
  entry.path = path.string();
  if (ends_with_hash(name) && is_real_folder(path) && is_ours(path)) {
    const fs::path used = path / kUsedName;
    entry.used = written(is_real_file(used) ? used : path / kManifestName);
    read_manifest_of(entry);
  } else if (ends_with_hash(made) && is_real_folder(path)) {
    entry.kind = CacheEntry::Kind::kHalfMade;
    entry.used = written(path);
  } else if (name.ends_with(kLockEnd) && is_real_file(path) &&
             ends_with_hash(name.substr(0, name.size() - kLockEnd.size())) &&
             !fs::exists(path.parent_path() / name.substr(0, name.size() - kLockEnd.size()))) {
    entry.kind = CacheEntry::Kind::kLock;
    entry.used = written(path);
    return entry;
  } else {
    return std::nullopt;
  }
  entry.bytes = bytes_in(path);
  return entry;
}

void remove_whole(const std::string& path) {
  std::error_code failed;
  fs::remove_all(path, failed);
  if (failed) throw file_error("cannot remove", path, failed.value());
}

// Whether somebody has a lock on the file. `file` gets what keeps others from it.
bool is_locked(const std::string& path, FileDescriptor& file) {
  file = FileDescriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  return file.valid() && ::flock(file.get(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
}

std::string used_file(const std::string& folder) { return (fs::path(folder) / kUsedName).string(); }

// In one step it has another name, under which nobody looks for it.
void remove_compiled(const std::string& folder) {
  std::string aside = folder + kTemporaryMark + "XXXXXX";
  if (::mkdtemp(aside.data()) == nullptr) {
    throw file_error("cannot create a folder beside", folder, errno);
  }
  if (::rename(folder.c_str(), aside.c_str()) != 0) {
    const int error_number = errno;
    ::rmdir(aside.c_str());
    throw file_error("cannot remove", folder, error_number);
  }
  remove_whole(aside);
}

// A hash of the names and folders, as a second one behind the first; empty without adapters.
constexpr const char* kAdapterMark = "-";
std::string adapter_part(const AdapterFolders& adapters) {
  if (adapters.empty()) return "";
  std::string key;
  for (const auto& [task, folder] : adapters) {
    std::error_code failed;
    const fs::path path = fs::canonical(folder, failed);
    key += task + "\n" + (failed ? folder : path.string()) + "\n";
  }
  return kAdapterMark + hex_text(fnv1a(key));
}

}  // namespace

std::string cache_entry_name(const std::string& model_folder, const CompileOptions& options) {
  std::error_code failed;
  const fs::path path = fs::canonical(model_folder, failed);
  if (failed) throw file_error("cannot open", model_folder, failed.value());
  const std::string key = path.string() + "\n" + options.layout + "\n" + options.precision + "\n" +
                          std::to_string(options.max_tokens) + (options.head ? "" : "\nencoder");
  const std::string& kind = options.layout == "packed" ? options.precision : options.layout;
  return model_part(path) + "-" + kind + "-" + hex_text(fnv1a(key)) +
         adapter_part(options.adapters);
}

FileDescriptor hold_entry(const std::string& folder) {
  const std::string path = used_file(folder);
  constexpr int kFlags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW;
  FileDescriptor file(::open(path.c_str(), kFlags | O_CREAT, 0644));
  if (!file.valid()) file = FileDescriptor(::open(path.c_str(), kFlags));
  struct stat held{};
  if (!file.valid() || ::fstat(file.get(), &held) != 0) return {};
  while (::flock(file.get(), LOCK_SH) != 0) {  // it is removed in no time
    if (errno != EINTR) return {};
  }
  const auto named = status_of(path);
  if (!named || named->st_ino != held.st_ino || named->st_dev != held.st_dev) return {};
  if (std::time(nullptr) - held.st_mtime >= kDay) ::futimens(file.get(), nullptr);
  return file;
}

std::vector<CacheEntry> cache_entries(const std::string& cache_folder) {
  std::vector<CacheEntry> entries;
  std::error_code failed;
  for (fs::directory_iterator file(cache_folder, failed), end; !failed && file != end;
       file.increment(failed)) {
    if (auto entry = entry_at(file->path())) entries.push_back(std::move(*entry));
  }
  std::sort(entries.begin(), entries.end(),
            [](const CacheEntry& a, const CacheEntry& b) { return a.path < b.path; });
  return entries;
}

bool is_compiled_from(const CacheEntry& entry, const std::string& model_folder) {
  if (entry.kind != CacheEntry::Kind::kCompiled || !entry.problem.empty()) return false;
  const std::string name = fs::path(entry.path).filename().string();
  for (const std::size_t max_tokens : {std::size_t{0}, entry.max_tokens}) {
    CompileOptions options;
    options.layout = entry.layout;
    options.precision = entry.precision;
    options.max_tokens = max_tokens;
    const std::string plain = cache_entry_name(model_folder, options);
    if (name == plain || name.starts_with(plain + kAdapterMark)) return true;
  }
  return false;
}

bool is_in_use(const CacheEntry& entry) {
  FileDescriptor file;
  switch (entry.kind) {
    case CacheEntry::Kind::kHalfMade:
      return !is_abandoned(entry.path);
    case CacheEntry::Kind::kLock:
      return is_locked(entry.path, file);
    case CacheEntry::Kind::kCompiled:
      break;
  }
  return is_locked(used_file(entry.path), file) ||
         is_locked(entry.path + std::string(kLockEnd), file);
}

bool remove_entry(const CacheEntry& entry) {
  if (entry.kind == CacheEntry::Kind::kHalfMade) {
    if (!is_abandoned(entry.path)) return false;
    remove_whole(entry.path);
    return true;
  }
  const bool is_folder = entry.kind == CacheEntry::Kind::kCompiled;
  const std::string lock_path = entry.path + std::string(is_folder ? kLockEnd : "");
  const FileLock lock = FileLock::attempt(lock_path);
  FileDescriptor used;
  if (!lock.held() || (is_folder && is_locked(used_file(entry.path), used))) return false;
  if (is_folder) remove_compiled(entry.path);
  if (::unlink(lock_path.c_str()) != 0 && errno != ENOENT) {
    throw file_error("cannot remove", lock_path, errno);
  }
  return true;
}

}  // namespace nestvec
