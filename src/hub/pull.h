// SPDX-License-Identifier: Apache-2.0
// Start here: downloads a model from a Hugging Face hub into the cache that the Python library
// huggingface_hub shares.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/environment.h"
#include "hub/file_selection.h"
#include "hub/retry.h"

namespace nestvec {

// One pull's choices.
struct PullOptions {
  std::string repo;               // "OWNER/NAME"
  std::string revision = "main";  // a branch, a tag or a commit
  FileSelection selection;
  std::string endpoint;  // the hub, "https://huggingface.co"
  std::string cache_folder;
  std::string token;     // empty = none
  std::string ca_file;   // certificates to trust, or a folder of them; empty = the system's
  bool offline = false;  // look into the cache, ask no hub
  std::size_t parallel_files = 4;
  std::chrono::seconds stall_timeout{30};  // without a byte; then the transfer is begun again
  RetryPolicy retry;
};

// Options with all that the environment decides: HF_ENDPOINT, HF_HUB_CACHE / HF_HOME, HF_TOKEN or
// the token file, HF_HUB_OFFLINE, HF_HUB_DOWNLOAD_TIMEOUT, SSL_CERT_FILE. `repo` stays empty.
// Blocks on file I/O. Throws Error: kInvalidArgument (HF_HUB_DOWNLOAD_TIMEOUT is no number of
// seconds), kFailedPrecondition (no folder for the cache), kPermissionDenied (a token file that
// cannot be read).
PullOptions pull_options(const Environment& environment);

// What happens during a pull.
struct PullEvent {
  enum class Kind {
    kPlanned,   // what will be downloaded is known, and nothing has been
    kStarted,   // `file` begins to download
    kProgress,  // bytes have come
    kFinished,  // `file` is whole and its hash is right
    kNote,      // `message`, one line, for a person: a retry, a wait for another pull
  };
  Kind kind;
  std::string_view file;
  std::string_view message;
  std::string_view license;      // kPlanned: as in PullResult
  std::uint64_t file_bytes = 0;  // of `file`
  std::uint64_t bytes_done = 0;  // of the whole pull, resumed bytes included; may fall at a restart
  std::uint64_t bytes_total = 0;  // of the files that are not in the cache
  std::size_t files_done = 0;
  std::size_t files_total = 0;
};

// Called by one thread at a time, not always the same. What it throws ends the pull; at kPlanned
// nothing has been downloaded.
using PullObserver = std::function<void(const PullEvent& event)>;

// Where the model is.
struct PullResult {
  std::string folder;  // the snapshot
  std::string commit;
  std::string license;               // "cc-by-nc-4.0"; empty = the hub does not tell
  bool non_commercial = false;       // the licence forbids commercial use
  std::size_t files = 0;             // that were chosen
  std::size_t downloaded_files = 0;  // of them, those that were not in the cache
  std::uint64_t downloaded_bytes = 0;
  std::string
      missing;  // what nestvec needs and the repository (or the choice) lacks; empty = nothing
};

// Downloads what is not in the cache, several files at once, and verifies each by the hub's own
// hash. The snapshot appears whole: its links are made when all blobs are there. Partial blobs stay
// for the next pull. Where the hub cannot be reached and the cache holds the model, the cached one
// is the result. Blocks. Safe for concurrent use, also by several processes. Throws Error:
// kInvalidArgument (name, endpoint, unsafe metadata), kUnauthenticated, kPermissionDenied (gated),
// kNotFound (repository, revision, file), kResourceExhausted (disk, rate limit), kUnavailable
// (network, hub), kDataLoss (wrong bytes twice), kFailedPrecondition (offline and not in the cache;
// no weights that nestvec reads).
PullResult pull_model(const PullOptions& options, const PullObserver& observer);

}  // namespace nestvec
