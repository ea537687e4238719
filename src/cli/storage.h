// SPDX-License-Identifier: Apache-2.0
// What list, rm and cache share: the models on this machine with what was compiled of them, and how
// sizes, ages and questions are written.
#pragma once

#include <chrono>
#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

#include "cli/context.h"
#include "compile/cache_entries.h"

namespace nestvec {

using WallTime = std::chrono::system_clock::time_point;

// A model that can be loaded without a download.
struct StoredModel {
  std::string name;                  // as local_models has it
  std::string folder;                // of its files
  std::uint64_t bytes = 0;           // of its files
  std::string licence;               // as the folder says it; empty = it does not
  std::vector<CacheEntry> compiled;  // from this folder
  std::optional<WallTime> used;      // of what was compiled
};

// The folder of compiled models: `given`, else NESTVEC_CACHE_DIR, else as cache_folder. Throws
// Error as that.
std::string compiled_folder(const std::string& given, const Environment& environment);

// By name. `entries` are those of the cache of compiled models. Blocks on file I/O.
std::vector<StoredModel> stored_models(const std::vector<CacheEntry>& entries,
                                       const Environment& environment);

// Bytes of the files below a folder, what links lead to among them, each once.
std::uint64_t bytes_below(const std::string& folder);

// The licence that the model card (README.md) or a file LICENSE in the folder states: "apache-2.0";
// empty where there is none that is known.
std::string licence_of(const std::string& folder);

// "90s", "15m", "12h", "30d", "4w". Throws Error kInvalidArgument.
std::chrono::seconds parse_age(const std::string& text);

// "10GiB", "500MB", "10Gi", "1000". Throws Error kInvalidArgument.
std::uint64_t parse_size(const std::string& text);

// "today", "yesterday", "12 days ago".
std::string age_text(WallTime then, WallTime now);

// "2026-11-30T08:15:00Z"
std::string utc_text(WallTime time);

// Rows in columns as wide as they must be, two spaces between them, the first row being the head.
void print_columns(const std::vector<std::vector<std::string>>& rows, std::ostream& out);

// Asks on the terminal; Enter is no.
bool is_confirmed(const std::string& question, CliContext& context);

}  // namespace nestvec
