// SPDX-License-Identifier: Apache-2.0
#include "cli/prune.h"

#include <algorithm>
#include <utility>
#include <variant>

namespace nestvec {
namespace {

// Why nobody misses the entry; empty = somebody may.
std::string useless(const CacheEntry& entry) {
  switch (entry.kind) {
    case CacheEntry::Kind::kHalfMade:
      return "left half-made";
    case CacheEntry::Kind::kLock:
      return "a lock without a model";
    case CacheEntry::Kind::kCompiled:
      break;
  }
  return entry.problem.empty() || entry.newer ? "" : "damaged or too old for this nestvec";
}

bool remove_one(const CacheEntry& entry) { return remove_entry(entry); }
bool remove_one(const PartialBlob& partial) { return remove_partial(partial); }
bool remove_one(const ModelLeftover& leftover) { return remove_leftover(leftover); }

bool is_older(WallTime then, const PruneRules& rules, WallTime now) {
  return rules.older_than && now - then > *rules.older_than;
}

// Moves the least recently used of `kept` to `chosen` until the rest is small enough.
void shrink(std::vector<CacheEntry> kept, std::uint64_t limit, bool (*unused)(const CacheEntry&),
            std::vector<Pruned>& chosen) {
  std::uint64_t bytes = 0;
  for (const CacheEntry& entry : kept) bytes += entry.bytes;
  std::stable_sort(kept.begin(), kept.end(),
                   [](const CacheEntry& a, const CacheEntry& b) { return a.used < b.used; });
  for (const CacheEntry& entry : kept) {
    if (bytes <= limit) return;
    if (!unused(entry)) continue;
    bytes -= entry.bytes;
    chosen.push_back({entry, "the cache is too large"});
  }
}

}  // namespace

std::string Pruned::path() const {
  return std::visit([](const auto& one) { return one.path; }, what);
}

std::uint64_t Pruned::bytes() const {
  return std::visit([](const auto& one) { return one.bytes; }, what);
}

bool Pruned::remove() const {
  return std::visit([](const auto& one) { return remove_one(one); }, what);
}

std::vector<Pruned> choose_pruned(const CacheContents& contents, const PruneRules& rules,
                                  WallTime now, bool (*unused)(const CacheEntry& entry)) {
  std::vector<Pruned> chosen;
  std::vector<CacheEntry> kept;
  for (const CacheEntry& entry : contents.entries) {
    std::string reason = useless(entry);
    if (reason.empty() && is_older(entry.used, rules, now)) {
      reason = "last used " + age_text(entry.used, now);
    }
    if (!reason.empty() && unused(entry)) {
      chosen.push_back({entry, reason});
    } else if (entry.kind == CacheEntry::Kind::kCompiled) {
      kept.push_back(entry);
    }
  }
  if (rules.larger_than) shrink(std::move(kept), *rules.larger_than, unused, chosen);
  for (const PartialBlob& partial : contents.partials) {
    if (rules.older_than && !is_older(partial.written, rules, now)) continue;
    if (is_downloading(partial)) continue;
    chosen.push_back({partial, "a download of " + partial.repo + " broken off"});
  }
  for (const ModelLeftover& leftover : contents.leftovers) {
    if (!is_in_use(leftover))
      chosen.push_back({leftover, "a model left half-made or half-removed"});
  }
  return chosen;
}

}  // namespace nestvec
