// SPDX-License-Identifier: Apache-2.0
// Removes from the Hugging Face cache what hub_cache.h describes, and nothing else. Links are not
// followed: one is removed, never what it leads to.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace nestvec {

// What goes when a model is removed.
struct RepoRemoval {
  std::string folder;                  // models--OWNER--NAME
  std::string locks;                   // the folder of its locks
  std::vector<std::string> snapshots;  // folders
  std::vector<std::string> refs;       // files
  std::vector<std::string> blobs;      // files that no snapshot which stays links to
  bool whole = false;                  // no snapshot stays
  std::uint64_t bytes = 0;
};

// For the snapshot of `revision` (a branch, a tag or a commit), or for all of the repository where
// that is empty; nullopt where there is none. Blocks on file I/O. Throws Error: kFailedPrecondition
// (the repository's folder is a link), as file_error.
std::optional<RepoRemoval> plan_removal(const std::string& cache_folder, const std::string& repo,
                                        const std::string& revision);

// Whether somebody downloads into the repository now.
bool is_downloading(const RepoRemoval& removal);

// Does it. False, and nothing removed, where somebody downloads into the repository. Files that are
// not of the cache's layout stay. Blocks. Throws Error as file_error does.
bool remove_from_cache(const RepoRemoval& removal);

// A download that was broken off, or goes on.
struct PartialBlob {
  std::string repo;  // "OWNER/NAME"
  std::string path;
  std::string lock;
  std::uint64_t bytes = 0;
  std::chrono::system_clock::time_point written;
};

// Of all models in the cache, by path. Blocks on file I/O.
std::vector<PartialBlob> partial_blobs(const std::string& cache_folder);

// Whether it goes on.
bool is_downloading(const PartialBlob& blob);

// False, and nothing removed, where the download goes on. Throws Error as file_error does.
bool remove_partial(const PartialBlob& blob);

}  // namespace nestvec
