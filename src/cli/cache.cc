// SPDX-License-Identifier: Apache-2.0
// nestvec cache: the caches on this machine, and what may go.
#include <filesystem>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "base/json_writer.h"
#include "cli/commands.h"
#include "cli/prune.h"
#include "cli/pull_display.h"
#include "cli/storage.h"
#include "cli/usage.h"
#include "config/local_models.h"
#include "config/model_location.h"

namespace nestvec {
namespace {

constexpr const char* kCacheExamples =
    "Examples:\n"
    "  nestvec cache\n"
    "  nestvec cache prune --dry-run\n"
    "  nestvec cache prune --older-than 30d --larger-than 10GiB\n"
    "\f"
    "Shows compiled models, and downloads that were broken off. prune removes what is of no use:\n"
    "half-made folders and locks of processes that died, compiled models that are damaged or too\n"
    "old for this nestvec, downloads that were broken off. --older-than adds compiled models that\n"
    "have not been loaded for so long, and spares newer downloads; --larger-than those that were\n"
    "loaded longest ago, until the rest is not larger. A model is compiled again when it is next\n"
    "loaded. What a process uses stays, and so does what nestvec did not make.\n";

struct CacheFlags {
  std::string action = "show";
  std::string cache;
  std::string older_than;
  std::string larger_than;
  bool dry_run = false;
  bool json = false;
};

struct Caches : CacheContents {
  std::string compiled;  // the folder
  std::string hub;       // the folder; empty = not known
  std::string models;    // the folder; empty = not known
};

Caches look(const CacheFlags& flags, const Environment& environment) {
  Caches caches;
  caches.compiled = compiled_folder(flags.cache, environment);
  caches.entries = cache_entries(caches.compiled);
  caches.models = own_models_folder(environment);
  caches.leftovers = model_leftovers(caches.models);
  try {
    caches.hub = hub_cache_folder(environment);
    caches.partials = partial_blobs(caches.hub);
  } catch (const Error&) {  // not even HOME is set
  }
  return caches;
}

const char* kind_name(CacheEntry::Kind kind) {
  switch (kind) {
    case CacheEntry::Kind::kHalfMade:
      return "half-made";
    case CacheEntry::Kind::kLock:
      return "lock";
    case CacheEntry::Kind::kCompiled:
      break;
  }
  return "compiled";
}

std::string file_name(const std::string& path) {
  return std::filesystem::path(path).filename().string();
}

std::string note_of(const CacheEntry& entry) {
  std::string note = entry.kind == CacheEntry::Kind::kCompiled ? "" : kind_name(entry.kind);
  if (!entry.problem.empty()) {
    note = entry.newer ? "of a newer nestvec" : "damaged or too old for this nestvec";
  }
  if (entry.kind != CacheEntry::Kind::kLock && is_in_use(entry)) {
    note += note.empty() ? "in use" : ", in use";
  }
  return note;
}

void show_leftovers(const Caches& caches, WallTime now, std::ostream& out) {
  if (caches.leftovers.empty()) return;
  std::uint64_t bytes = 0;
  std::vector<std::vector<std::string>> rows;
  for (const ModelLeftover& leftover : caches.leftovers) {
    bytes += leftover.bytes;
    rows.push_back({"  " + file_name(leftover.path), size_text(leftover.bytes),
                    age_text(leftover.written, now), is_in_use(leftover) ? "in use" : ""});
  }
  out << "half-made models in " << caches.models << ": " << size_text(bytes) << '\n';
  print_columns(rows, out);
}

void show_partials(const Caches& caches, WallTime now, std::ostream& out) {
  if (caches.partials.empty()) return;
  std::uint64_t bytes = 0;
  std::vector<std::vector<std::string>> rows;
  for (const PartialBlob& partial : caches.partials) {
    bytes += partial.bytes;
    rows.push_back({"  " + partial.repo, size_text(partial.bytes), age_text(partial.written, now),
                    is_downloading(partial) ? "in use" : ""});
  }
  out << "unfinished downloads in " << caches.hub << ": " << size_text(bytes) << '\n';
  print_columns(rows, out);
}

void show_caches(const Caches& caches, std::ostream& out) {
  const WallTime now = std::chrono::system_clock::now();
  std::uint64_t bytes = 0;
  std::vector<std::vector<std::string>> rows;
  for (const CacheEntry& entry : caches.entries) {
    bytes += entry.bytes;
    rows.push_back({"  " + file_name(entry.path), size_text(entry.bytes), age_text(entry.used, now),
                    note_of(entry)});
  }
  out << "compiled models in " << caches.compiled << ": " << size_text(bytes) << '\n';
  print_columns(rows, out);
  show_leftovers(caches, now, out);
  show_partials(caches, now, out);
}

void show_caches_json(const Caches& caches, std::ostream& out) {
  std::string json;
  JsonObject root(json);
  root.text("compiled_folder", caches.compiled);
  root.text("hub_folder", caches.hub);
  JsonArray entries(root.key("entries"));
  for (const CacheEntry& entry : caches.entries) {
    JsonObject object(entries.next());
    object.text("kind", kind_name(entry.kind));
    object.text("path", entry.path);
    object.count("bytes", entry.bytes);
    object.text("used", utc_text(entry.used));
    object.text("repository", entry.repository);
    object.text("precision", entry.precision);
    object.text("layout", entry.layout);
    object.text("problem", entry.problem);
    object.boolean("in_use", is_in_use(entry));
    object.end();
  }
  entries.end();
  JsonArray partials(root.key("unfinished_downloads"));
  for (const PartialBlob& partial : caches.partials) {
    JsonObject object(partials.next());
    object.text("repository", partial.repo);
    object.text("path", partial.path);
    object.count("bytes", partial.bytes);
    object.text("written", utc_text(partial.written));
    object.boolean("in_use", is_downloading(partial));
    object.end();
  }
  partials.end();
  JsonArray leftovers(root.key("half_made_models"));
  for (const ModelLeftover& leftover : caches.leftovers) {
    JsonObject object(leftovers.next());
    object.text("path", leftover.path);
    object.count("bytes", leftover.bytes);
    object.text("written", utc_text(leftover.written));
    object.boolean("in_use", is_in_use(leftover));
    object.end();
  }
  leftovers.end();
  root.end();
  out << json << '\n';
}

PruneRules rules_of(const CacheFlags& flags) {
  PruneRules rules;
  if (!flags.older_than.empty()) rules.older_than = parse_age(flags.older_than);
  if (!flags.larger_than.empty()) rules.larger_than = parse_size(flags.larger_than);
  return rules;
}

void prune_caches(const CacheFlags& flags, const PruneRules& rules, CliContext& context) {
  const Caches caches = look(flags, context.environment);
  const auto nobody_uses = [](const CacheEntry& entry) { return !is_in_use(entry); };
  std::size_t count = 0;
  std::uint64_t bytes = 0;
  for (const Pruned& pruned :
       choose_pruned(caches, rules, std::chrono::system_clock::now(), nobody_uses)) {
    if (!flags.dry_run && !pruned.remove()) continue;  // somebody has begun to use it
    context.out << (flags.dry_run ? "would remove " : "removed ") << pruned.path() << " ("
                << size_text(pruned.bytes()) << ", " << pruned.reason << ")\n";
    ++count;
    bytes += pruned.bytes();
  }
  if (count == 0) {
    context.out << "nothing to remove\n";
    return;
  }
  context.out << size_text(bytes) << (flags.dry_run ? " would be freed\n" : " freed\n");
}

void run_cache(const CacheFlags& flags, CliContext& context) {
  const PruneRules rules = rules_of(flags);
  const bool prune = flags.action == "prune";
  if (!prune && (rules.older_than || rules.larger_than || flags.dry_run)) {
    throw Error(ErrorCode::kInvalidArgument,
                "--older-than, --larger-than and --dry-run belong to nestvec cache prune");
  }
  if (prune && flags.json) {
    throw Error(ErrorCode::kInvalidArgument, "--json belongs to nestvec cache show");
  }
  if (prune) return prune_caches(flags, rules, context);
  const Caches caches = look(flags, context.environment);
  if (flags.json) return show_caches_json(caches, context.out);
  show_caches(caches, context.out);
}

}  // namespace

void add_cache_command(CLI::App& app, CliContext& context) {
  CLI::App* command = app.add_subcommand("cache", "Show the caches, or remove what is old");
  const auto flags = std::make_shared<CacheFlags>();
  command->add_option("action", flags->action, "show, or prune to remove what is of no use")
      ->type_name("show|prune")
      ->check(one_of({"show", "prune"}))
      ->capture_default_str();
  command
      ->add_option("--older-than", flags->older_than,
                   "prune: also compiled models that were not used for so long, such as 30d")
      ->check(not_empty())
      ->type_name("AGE");
  command
      ->add_option("--larger-than", flags->larger_than,
                   "prune: also the least recently used until the compiled models are not larger, "
                   "such as 10GiB")
      ->check(not_empty())
      ->type_name("BYTES");
  command->add_flag("--dry-run", flags->dry_run, "prune: only say what would be removed");
  command->add_flag("--json", flags->json, "show: print one JSON object");
  command->add_option("--cache-dir", flags->cache, "Folder of compiled models")
      ->check(not_empty())
      ->type_name("FOLDER")
      ->group("More options");
  command->footer(kCacheExamples);
  command->callback([flags, &context] { run_cache(*flags, context); });
}

}  // namespace nestvec
