// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <thread>
#include <utility>

#include "base/file.h"
#include "compile/artefact.h"
#include "compile/atomic_folder.h"
#include "compile/cache_entries.h"
#include "compile/fingerprint.h"
#include "compile/manifest.h"

namespace nestvec {
namespace {

namespace fs = std::filesystem;

// What an artefact is made of: the files, what the tokenizer says of token types, and what stands
// on the encoder.
struct Source {
  Fingerprint files;
  TokenTypes types;
  HeadSpec head;
  std::vector<std::string> tasks;
};

std::string difference(const Manifest& manifest, const Source& source) {
  if (manifest.spec.text_types != source.types) return "the token types of tokenizer.json differ";
  if (manifest.spec.head != source.head) return "it has another head";
  if (manifest.spec.adapters.tasks != source.tasks) return "it has other adapters";
  return difference(manifest.source, source.files);
}

Artefact held(const std::string& folder) {
  auto hold = std::make_shared<const FileDescriptor>(hold_entry(folder));
  Artefact artefact = open_artefact(folder);
  artefact.hold = std::move(hold);
  return artefact;
}

// The artefact when it can be used; else why not in `reason` (empty: there is none).
std::optional<Artefact> usable(const std::string& folder, const Source& source,
                               std::string& reason) {
  try {
    reason = difference(read_manifest(folder), source);
    if (reason.empty()) return held(folder);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kNotFound) reason = error.what();
  }
  return std::nullopt;
}

FileLock wait_for_lock(const std::string& path, const RunControl& control, const LogSink& log) {
  constexpr std::chrono::milliseconds kAgain{50};
  FileLock lock = FileLock::attempt(path);
  if (lock.held()) return lock;
  if (log) log("waiting for another process that compiles the same model (" + path + ")");
  if (!control.stop.stop_possible()) return FileLock::wait(path);
  while (!lock.held()) {
    control.check();
    std::this_thread::sleep_for(kAgain);
    lock = FileLock::attempt(path);
  }
  return lock;
}

// Where the cache is to be written. Throws Error with what to do where it cannot be.
FileLock lock_entry(const std::string& cache_folder, const std::string& path,
                    const RunControl& control, const LogSink& log) {
  try {
    std::error_code failed;
    fs::create_directories(cache_folder, failed);
    if (failed) throw file_error("cannot create", cache_folder, failed.value());
    return wait_for_lock(path, control, log);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kNotFound && error.code() != ErrorCode::kPermissionDenied) throw;
    throw Error(error.code(), std::string(error.what()) +
                                  "; set NESTVEC_CACHE_DIR to a folder that can be written");
  }
}

}  // namespace

Artefact compile_into_cache(const std::string& model_folder, const ModelSpec& spec,
                            const std::string& cache_folder, const CompileOptions& options,
                            const LogSink& log) {
  const Source source = {fingerprint_of(model_folder, spec), spec.text_types, spec.head,
                         spec.adapters.tasks};
  const std::string folder =
      (fs::path(cache_folder) / cache_entry_name(model_folder, options)).string();
  std::string reason;
  if (auto artefact = usable(folder, source, reason)) return *artefact;  // a cache may be read-only

  const FileLock lock = lock_entry(cache_folder, folder + ".lock", options.control, log);
  if (auto artefact = usable(folder, source, reason)) return *artefact;
  if (log && !reason.empty()) log("compiling again: " + reason);
  compile_model(model_folder, spec, folder, options, log);
  return held(folder);
}

}  // namespace nestvec
