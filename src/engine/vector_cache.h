// SPDX-License-Identifier: Apache-2.0
// Rows of sequences that were computed before, found by exactly their ids, task and spans.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/keyed_hash.h"
#include "batch/packed_batch.h"
#include "nestvec/model.h"

namespace nestvec {

// The one that was not used for longest goes first. Safe for concurrent use.
class VectorCache {
 public:
  // `max_bytes` counts keys, rows and the table's own entries; 0 keeps nothing.
  explicit VectorCache(std::uint64_t max_bytes) : max_bytes_(max_bytes) {}

  bool enabled() const noexcept { return max_bytes_ > 0; }

  // Copies the rows of all spans of the sequence into `rows` and returns true, or returns false.
  bool find(const Sequence& sequence, std::span<float> rows);
  void insert(const Sequence& sequence, std::span<const float> rows);

  CacheStatus status() const;

 private:
  struct Entry {
    std::string key;
    std::vector<float> rows;
    std::uint64_t bytes() const;
  };

  static std::string key_of(const Sequence& sequence);

  const std::uint64_t max_bytes_;
  mutable std::mutex mutex_;  // guards what follows
  std::list<Entry> entries_;  // the latest used first
  // Keys in entries_. Foreign texts must not choose their buckets.
  std::unordered_map<std::string_view, std::list<Entry>::iterator, KeyedHash> index_;
  CacheStatus status_;
};

}  // namespace nestvec
