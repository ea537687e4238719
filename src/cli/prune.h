// SPDX-License-Identifier: Apache-2.0
// What `nestvec cache prune` removes.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "cli/storage.h"
#include "compile/cache_entries.h"
#include "config/model_locks.h"
#include "hub/cached_repo.h"

namespace nestvec {

struct PruneRules {
  std::optional<std::chrono::seconds> older_than;  // since the last use
  std::optional<std::uint64_t> larger_than;        // of all compiled models together
};

// What lies in the caches.
struct CacheContents {
  std::vector<CacheEntry> entries;
  std::vector<PartialBlob> partials;
  std::vector<ModelLeftover> leftovers;
};

// One thing in a cache.
struct Pruned {
  std::variant<CacheEntry, PartialBlob, ModelLeftover> what;
  std::string reason;

  std::string path() const;
  std::uint64_t bytes() const;
  // False, and nothing removed, where it is in use. Throws Error as file_error does.
  bool remove() const;
};

// Without rules what is of no use to anybody: folders that dead processes left half-made, locks
// beside no folder, compiled models that are damaged or too old, and downloads that were broken off
// (with older_than only those that are older). older_than adds compiled models that have not been
// used for so long; larger_than those that were used longest ago, until the rest is small enough.
// `unused` says of an entry that nobody uses it; all others stay.
std::vector<Pruned> choose_pruned(const CacheContents& contents, const PruneRules& rules,
                                  WallTime now, bool (*unused)(const CacheEntry& entry));

}  // namespace nestvec
