// SPDX-License-Identifier: Apache-2.0
// What lies in the cache of compiled models:
//   MODEL-PRECISION-HASH/          a compiled model; its file `used` has the time of its last use
//   MODEL-PRECISION-HASH.lock      held (flock) while that is made or removed
//   MODEL-PRECISION-HASH.tmp-XXXXXX/  one that is being made or removed
// Everything else in the folder is somebody else's.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "base/file.h"
#include "compile/artefact.h"

namespace nestvec {

// The name of the compiled folder of `model_folder`: one for each model folder and set of options,
// with a second hash where these have adapters.
// Begins with what a person calls the model. Throws Error as file_error does where the folder is
// not there.
std::string cache_entry_name(const std::string& model_folder, const CompileOptions& options);

// Notes the time in the compiled folder's file `used`, at most once a day, and holds a shared lock
// on it until the result is closed, so that nobody removes the folder meanwhile. The result is not
// valid where the folder is gone, or where the file cannot be made, as in a read-only cache.
FileDescriptor hold_entry(const std::string& folder);

struct CacheEntry {
  enum class Kind {
    kCompiled,
    kHalfMade,  // of a process that died
    kLock,      // beside no folder
  };
  Kind kind = Kind::kCompiled;
  std::string path;
  std::uint64_t bytes = 0;
  std::chrono::system_clock::time_point used;  // of others than kCompiled: written
  // Of kCompiled, as far as its manifest can be read.
  std::string repository;  // "OWNER/NAME"; empty = the source was a folder
  std::string layout;
  std::string precision;
  std::size_t max_tokens = 0;
  std::string problem;  // why this library cannot use it; empty = it can
  bool newer = false;   // a newer one can
};

// By path. Of a folder that cannot be read nothing. Links are not followed. Blocks on file I/O.
std::vector<CacheEntry> cache_entries(const std::string& cache_folder);

// Whether the entry was compiled from that folder of a model.
bool is_compiled_from(const CacheEntry& entry, const std::string& model_folder);

// Whether a process makes the entry or has it loaded.
bool is_in_use(const CacheEntry& entry);

// Removes the entry with its lock. False, and nothing removed, where it is in use. Throws Error as
// file_error does.
bool remove_entry(const CacheEntry& entry);

}  // namespace nestvec
