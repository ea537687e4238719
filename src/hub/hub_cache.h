// SPDX-License-Identifier: Apache-2.0
// A repository's folder in the Hugging Face cache, written as huggingface_hub writes it:
//   models--OWNER--NAME/blobs/ETAG               the bytes (ETAG.incomplete while they arrive)
//   models--OWNER--NAME/snapshots/COMMIT/PATH -> ../../blobs/ETAG
//   models--OWNER--NAME/refs/REVISION            the commit that a branch or tag stands for
//   .locks/models--OWNER--NAME/ETAG.lock         held (flock) while a blob is downloaded
#pragma once

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>

#include "base/file.h"
#include "hub/repo_info.h"

namespace nestvec {

// An exclusive lock on a file that other processes, Python's filelock among them, respect.
class HubLock {
 public:
  // Blocks until the lock is held; calls `on_wait` once when it has to wait. Throws Error:
  // kCancelled (stopped meanwhile), as file_error.
  HubLock(const std::string& path, const std::stop_token& stop,
          const std::function<void()>& on_wait);

 private:
  FileDescriptor file_;  // closing it unlocks
};

// Paths and links. Functions that write throw Error as file_error does.
class HubCache {
 public:
  HubCache(const std::string& cache_folder, const std::string& repo);

  std::string blob(const RepoFile& file) const;
  std::string incomplete_blob(const RepoFile& file) const;
  std::string lock(const RepoFile& file) const;
  std::string snapshot(const std::string& commit) const;

  // Makes the folders that a download needs and marks the cache for backup tools (CACHEDIR.TAG).
  void create_folders() const;
  // True where the blob is there with the file's size.
  bool has_blob(const RepoFile& file) const;
  // True where the snapshot has the file with its size, as a link to a blob or as a file of its
  // own.
  bool has_file(const std::string& commit, const RepoFile& file) const;
  // Puts a link to the file's blob into the snapshot; replaces what stands there atomically.
  void link(const std::string& commit, const RepoFile& file) const;
  // Makes `revision` stand for `commit`; nothing to do where it is the commit itself.
  void write_ref(const std::string& revision, const std::string& commit) const;

 private:
  std::string cache_folder_;
  std::string folder_;
  std::string lock_folder_;
};

}  // namespace nestvec
