// SPDX-License-Identifier: Apache-2.0
#include "engine/vector_cache.h"

#include <algorithm>

namespace nestvec {
namespace {

template <typename T>
void append_bytes(std::span<const T> values, std::string& out) {
  out.append(reinterpret_cast<const char*>(values.data()), values.size_bytes());
}

}  // namespace

std::uint64_t VectorCache::Entry::bytes() const {
  constexpr std::uint64_t kNodes = 128;  // of the list and of the table
  return key.size() + rows.size() * sizeof(float) + kNodes;
}

std::string VectorCache::key_of(const Sequence& sequence) {
  std::string key;
  key.reserve(sequence.ids.size() * sizeof(std::uint32_t) + 16);
  append_bytes(std::span<const std::int32_t>(&sequence.task, 1), key);
  for (const Span& span : sequence.spans) {
    append_bytes(std::span<const std::uint32_t>({span.begin, span.end}), key);
  }
  append_bytes(std::span<const std::uint32_t>(sequence.ids), key);
  return key;
}

bool VectorCache::find(const Sequence& sequence, std::span<float> rows) {
  const std::string key = key_of(sequence);
  const std::lock_guard lock(mutex_);
  const auto found = index_.find(key);
  if (found == index_.end()) {
    ++status_.misses;
    return false;
  }
  ++status_.hits;
  entries_.splice(entries_.begin(), entries_, found->second);
  std::copy(entries_.front().rows.begin(), entries_.front().rows.end(), rows.begin());
  return true;
}

void VectorCache::insert(const Sequence& sequence, std::span<const float> rows) {
  Entry entry{key_of(sequence), {rows.begin(), rows.end()}};
  const std::uint64_t bytes = entry.bytes();
  if (bytes > max_bytes_) return;
  const std::lock_guard lock(mutex_);
  if (index_.contains(entry.key)) return;  // another call was computing it, too
  entries_.push_front(std::move(entry));
  index_.emplace(entries_.front().key, entries_.begin());
  status_.bytes += bytes;
  while (status_.bytes > max_bytes_) {
    status_.bytes -= entries_.back().bytes();
    index_.erase(entries_.back().key);
    entries_.pop_back();
  }
}

CacheStatus VectorCache::status() const {
  const std::lock_guard lock(mutex_);
  CacheStatus status = status_;
  status.entries = entries_.size();
  return status;
}

}  // namespace nestvec
