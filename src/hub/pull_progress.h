// SPDX-License-Identifier: Apache-2.0
// The running counts of a pull, told to its observer.
#pragma once

#include <cstdint>
#include <mutex>
#include <string_view>

#include "hub/pull.h"

namespace nestvec {

// Safe for concurrent use; the observer is called under its lock. Functions throw what the observer
// throws.
class PullProgress {
 public:
  explicit PullProgress(const PullObserver& observer) : observer_(observer) {}

  // Before the workers start.
  void set_totals(std::size_t files, std::uint64_t bytes) {
    event_.files_total = files;
    event_.bytes_total = bytes;
  }
  // Before the workers start, too.
  void planned(std::string_view license) {
    event_.license = license;
    tell(PullEvent::Kind::kPlanned, nullptr, {}, 0);
    event_.license = {};
  }
  void started(const RepoFile& file) { tell(PullEvent::Kind::kStarted, &file, {}, 0); }
  void advanced(const RepoFile& file, std::int64_t bytes) {
    tell(PullEvent::Kind::kProgress, &file, {}, bytes);
  }
  void finished(const RepoFile& file) { tell(PullEvent::Kind::kFinished, &file, {}, 0); }
  void note(std::string_view message) { tell(PullEvent::Kind::kNote, nullptr, message, 0); }

 private:
  void tell(PullEvent::Kind kind, const RepoFile* file, std::string_view message,
            std::int64_t bytes) {
    const std::lock_guard lock(mutex_);
    event_.kind = kind;
    event_.file = file == nullptr ? std::string_view() : file->path;
    event_.file_bytes = file == nullptr ? 0 : file->size;
    event_.message = message;
    event_.bytes_done += static_cast<std::uint64_t>(bytes);  // modulo 2^64: falls for negative ones
    if (kind == PullEvent::Kind::kFinished) ++event_.files_done;
    if (observer_) observer_(event_);
  }

  const PullObserver& observer_;
  std::mutex mutex_;
  PullEvent event_{};
};

}  // namespace nestvec
