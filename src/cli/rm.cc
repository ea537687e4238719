// SPDX-License-Identifier: Apache-2.0
// nestvec rm: a model, and what was compiled of it, off this machine.
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "base/excerpt.h"
#include "base/file.h"
#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/pull_display.h"
#include "cli/storage.h"
#include "cli/usage.h"
#include "config/local_models.h"
#include "config/model_location.h"
#include "config/model_locks.h"
#include "hub/cached_repo.h"

namespace nestvec {
namespace {

constexpr const char* kRmExamples =
    "Examples:\n"
    "  nestvec rm BAAI/bge-m3\n"
    "  nestvec rm BAAI/bge-m3@v1 --yes\n"
    "\f"
    "Removes the model from the Hugging Face cache, or from nestvec's own models, and what was\n"
    "compiled of it. With @REVISION only that snapshot goes, with the files that no other one "
    "has.\n"
    "A model that a process has loaded, compiles or downloads stays. Folders of your own are not\n"
    "touched.\n";

struct RmFlags {
  std::string model;
  std::string cache;
  bool yes = false;
};

struct Removal {
  std::string name;
  std::optional<RepoRemoval> repo;   // of the hub's cache; else
  std::string own_folder;            // of nestvec's own models
  std::vector<CacheEntry> compiled;  // from it
  std::uint64_t own_bytes = 0;
};

// Without what links lead to.
void add_files(const std::string& folder, std::vector<std::string>& files) {
  std::error_code failed;
  for (std::filesystem::recursive_directory_iterator entry(folder, failed), end;
       !failed && entry != end; entry.increment(failed)) {
    if (entry->symlink_status(failed).type() == std::filesystem::file_type::regular) {
      files.push_back(entry->path().string());
    }
  }
}

Error not_here(const std::string& name, const std::vector<LocalModel>& models) {
  return Error(ErrorCode::kNotFound,
               "there is no model \"" + excerpt(name) + "\" here (" + listing(models) + ")");
}

void add_compiled(const std::vector<CacheEntry>& entries, const std::string& repo,
                  const std::vector<std::string>& folders, Removal& removal) {
  for (const CacheEntry& entry : entries) {
    const bool from_folder = std::any_of(
        folders.begin(), folders.end(),
        [&entry](const std::string& folder) { return is_compiled_from(entry, folder); });
    const bool from_repo = !repo.empty() && entry.repository == repo;
    if (from_folder || from_repo) removal.compiled.push_back(entry);
  }
}

// Without a revision all of the repository, and what was compiled of any of its snapshots.
Removal repo_removal(const RepoReference& reference, const std::vector<CacheEntry>& entries,
                     const Environment& environment) {
  Removal removal;
  removal.name = reference.repo + (reference.revision.empty() ? "" : "@" + reference.revision);
  removal.repo = plan_removal(hub_cache_folder(environment), reference.repo, reference.revision);
  if (!removal.repo) throw not_here(removal.name, local_models(environment));
  add_compiled(entries, removal.repo->whole ? reference.repo : "", removal.repo->snapshots,
               removal);
  return removal;
}

Removal own_removal(const LocalModel& model, const std::vector<CacheEntry>& entries) {
  Removal removal;
  removal.name = model.name;
  removal.own_folder = model.folder;
  if (!std::filesystem::is_symlink(model.folder)) removal.own_bytes = bytes_below(model.folder);
  add_compiled(entries, "", {model.folder}, removal);
  return removal;
}

Removal removal_of(const std::string& name, const std::vector<CacheEntry>& entries,
                   const Environment& environment) {
  if (name.find_first_of("/@") != std::string::npos) {
    return repo_removal(parse_repo_reference(name), entries, environment);
  }
  const std::vector<LocalModel> models = local_models(environment);
  const std::vector<LocalModel> found = models_called(name, models);
  if (found.empty()) throw not_here(name, models);
  if (found.size() > 1) {
    throw Error(ErrorCode::kInvalidArgument, "\"" + excerpt(name) + "\" is more than one model (" +
                                                 listing(found) +
                                                 "); give the name with its owner");
  }
  const std::filesystem::path folder(found.front().folder);
  if (folder.parent_path() == own_models_folder(environment)) {
    return own_removal(found.front(), entries);
  }
  RepoReference reference = parse_repo_reference(found.front().name);
  reference.revision.clear();
  return repo_removal(reference, entries, environment);
}

Error in_use(const std::string& name, const std::string& why) {
  return Error(ErrorCode::kFailedPrecondition, name + " is in use: " + why);
}

Error loaded(const Removal& removal, const CacheEntry& entry) {
  return in_use(removal.name, "a process has loaded or compiles " + entry.path + "; end it first");
}

Error downloading(const Removal& removal) {
  return in_use(removal.name, "a process is downloading it; end it first");
}

// The files that would go and that a model without a compiled folder may run from.
std::vector<std::string> own_files(const Removal& removal) {
  if (removal.repo) {
    std::vector<std::string> files = removal.repo->blobs;
    for (const std::string& snapshot : removal.repo->snapshots) add_files(snapshot, files);
    return files;
  }
  std::vector<std::string> files;
  if (!std::filesystem::is_symlink(removal.own_folder)) add_files(removal.own_folder, files);
  return files;
}

void check_unused(const Removal& removal) {
  for (const std::string& file : own_files(removal)) {
    if (is_model_file_held(file)) {
      throw in_use(removal.name, "a process has loaded " + file + "; end it first");
    }
  }
  for (const CacheEntry& entry : removal.compiled) {
    if (is_in_use(entry)) throw loaded(removal, entry);
  }
  if (removal.repo && is_downloading(*removal.repo)) throw downloading(removal);
}

// "jinaai/jina-embeddings-v3: 1.1 GB in FOLDER, 2 compiled models of 1.7 GB"
std::string removal_text(const Removal& removal) {
  std::string text = removal.name + ": " +
                     size_text(removal.repo ? removal.repo->bytes : removal.own_bytes) + " in " +
                     (removal.repo ? removal.repo->folder : removal.own_folder);
  if (removal.compiled.empty()) return text;
  std::uint64_t bytes = 0;
  for (const CacheEntry& entry : removal.compiled) bytes += entry.bytes;
  const std::size_t count = removal.compiled.size();
  return text + ", " + std::to_string(count) +
         (count == 1 ? " compiled model of " : " compiled models of ") + size_text(bytes);
}

// Out of sight in one step, and with a lock, so that cache prune knows whether it goes on. Of a
// link only the link goes.
void remove_own(const std::string& folder) {
  const std::filesystem::path path(folder);
  const FileDescriptor lock = lock_model_folder(folder);
  const std::string aside = (path.parent_path() / ("." + path.filename().string() + ".removed-" +
                                                   std::to_string(::getpid())))
                                .string();
  std::error_code failed;
  std::filesystem::rename(path, aside, failed);
  if (!failed) std::filesystem::remove_all(aside, failed);
  if (failed) throw file_error("cannot remove", folder, failed.value());
}

std::uint64_t remove_now(const Removal& removal) {
  std::uint64_t bytes = 0;
  for (const CacheEntry& entry : removal.compiled) {
    if (!remove_entry(entry)) throw loaded(removal, entry);
    bytes += entry.bytes;
  }
  if (!removal.repo) {
    remove_own(removal.own_folder);
    return bytes + removal.own_bytes;
  }
  if (!remove_from_cache(*removal.repo)) throw downloading(removal);
  return bytes + removal.repo->bytes;
}

void run_rm(const RmFlags& flags, CliContext& context) {
  const std::vector<CacheEntry> entries =
      cache_entries(compiled_folder(flags.cache, context.environment));
  const Removal removal = removal_of(flags.model, entries, context.environment);
  check_unused(removal);
  context.err << removal_text(removal) << '\n';
  if (!flags.yes && !can_ask(context)) {
    throw Error(ErrorCode::kInvalidArgument,
                "nobody can be asked here; add --yes to remove " + removal.name);
  }
  if (!flags.yes && !is_confirmed("Remove it?", context)) {
    context.err << "nothing was removed\n";
    context.exit_code = kExitFailure;
    return;
  }
  check_unused(removal);  // an answer may take its time
  context.err << "removed, " << size_text(remove_now(removal)) << " freed\n";
}

}  // namespace

void add_rm_command(CLI::App& app, CliContext& context) {
  CLI::App* command = app.add_subcommand("rm", "Remove a model from this machine");
  const auto flags = std::make_shared<RmFlags>();
  command
      ->add_option("model", flags->model,
                   "OWNER/NAME, OWNER/NAME@REVISION, or the short name of a model on this machine")
      ->type_name("MODEL")
      ->required();
  command->add_flag("-y,--yes", flags->yes, "Do not ask");
  command->add_option("--cache-dir", flags->cache, "Folder of compiled models")
      ->check(not_empty())
      ->type_name("FOLDER")
      ->group("More options");
  command->footer(kRmExamples);
  command->callback([flags, &context] { run_rm(*flags, context); });
}

}  // namespace nestvec
