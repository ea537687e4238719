// SPDX-License-Identifier: Apache-2.0
#include "search/folder_scan.h"

#include <dirent.h>
#include <fnmatch.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <optional>
#include <system_error>

#include "base/file.h"
#include "search/show.h"

namespace nestvec {
namespace {

constexpr std::int64_t kNanosecondsASecond = 1'000'000'000;

std::string reason_of(int error_number) { return std::generic_category().message(error_number); }

class Scanner {
 public:
  Scanner(const std::string& folder, const ScanRules& rules, const std::function<void()>& look)
      : folder_(folder), rules_(rules), look_(look) {}

  FolderScan scan() {
    if (const int failed = read_folder("")) throw file_error("cannot open", folder_, failed);
    while (!waiting_.empty()) {
      const std::string below = std::move(waiting_.back());
      waiting_.pop_back();
      if (const int failed = read_folder(below))
        skip(below, "cannot be read: " + reason_of(failed));
    }
    std::ranges::sort(result_.files, {}, &FoundFile::path);
    std::ranges::sort(result_.unwanted, {}, &FoundFile::path);
    std::sort(result_.skipped.begin(), result_.skipped.end());
    return std::move(result_);
  }

 private:
  struct Close {
    void operator()(DIR* stream) const { ::closedir(stream); }
  };

  // 0, or the error number.
  int read_folder(const std::string& below) {
    const std::string path = below.empty() ? folder_ : folder_ + "/" + below;
    const std::unique_ptr<DIR, Close> stream(::opendir(path.c_str()));
    if (!stream) return errno;
    while (true) {
      look_();
      errno = 0;
      const dirent* entry = ::readdir(stream.get());
      if (entry == nullptr) return errno;
      const std::string name = entry->d_name;
      if (name[0] != '.') add(below.empty() ? name : below + "/" + name, name);
    }
  }

  void add(const std::string& below, const std::string& name) {
    struct stat status{};
    if (::lstat((folder_ + "/" + below).c_str(), &status) != 0) {
      if (errno != ENOENT) skip(below, "cannot be read: " + reason_of(errno));
    } else if (S_ISDIR(status.st_mode)) {
      waiting_.push_back(below);
    } else if (S_ISREG(status.st_mode)) {
      const FoundFile file{below, static_cast<std::uint64_t>(status.st_size),
                           status.st_mtim.tv_sec * kNanosecondsASecond + status.st_mtim.tv_nsec};
      const bool named = is_wanted(name);
      const bool large = file.bytes > rules_.max_file_bytes;
      if (named && large) {
        skip(below, "has " + std::to_string(file.bytes) + " bytes, over " +
                        std::to_string(rules_.max_file_bytes) + " (--max-file-size)");
      }
      (named && !large ? result_.files : result_.unwanted).push_back(file);
    }
  }

  bool is_wanted(const std::string& name) const {
    return rules_.globs.empty() ||
           std::ranges::any_of(rules_.globs, [&name](const std::string& glob) {
             return ::fnmatch(glob.c_str(), name.c_str(), 0) == 0;
           });
  }

  void skip(const std::string& below, const std::string& why) {
    result_.skipped.push_back(escape_path(below) + " " + why);
  }

  const std::string& folder_;
  const ScanRules& rules_;
  const std::function<void()>& look_;
  std::vector<std::string> waiting_;
  FolderScan result_;
};

}  // namespace

FolderScan scan_folder(const std::string& folder, const ScanRules& rules,
                       const std::function<void()>& look) {
  return Scanner(folder, rules, look).scan();
}

}  // namespace nestvec
