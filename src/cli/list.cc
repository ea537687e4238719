// SPDX-License-Identifier: Apache-2.0
// nestvec list: the models on this machine.
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "base/json_writer.h"
#include "cli/commands.h"
#include "cli/pull_display.h"
#include "cli/storage.h"
#include "cli/usage.h"

namespace nestvec {
namespace {

constexpr const char* kListExamples =
    "Examples:\n"
    "  nestvec list\n"
    "  nestvec list --json\n"
    "\f"
    "A model is here if it can be loaded without a download: in the Hugging Face cache, or among\n"
    "nestvec's own models. COMPILED are the precisions for which the cache has a graph, USED is\n"
    "when such a graph was loaded last, by day.\n";

struct ListFlags {
  std::string cache;
  bool json = false;
  bool quiet = false;
};

// "bf16 1.1 GB, int8 0.6 GB"
std::string compiled_text(const StoredModel& model) {
  std::string text;
  for (const CacheEntry& entry : model.compiled) {
    const std::string kind =
        entry.layout == "packed" ? entry.precision : "portable " + entry.precision;
    text += (text.empty() ? "" : ", ") + kind + " " + size_text(entry.bytes);
  }
  return text.empty() ? "-" : text;
}

void print_models(const std::vector<StoredModel>& models, std::ostream& out) {
  const WallTime now = std::chrono::system_clock::now();
  std::vector<std::vector<std::string>> rows = {{"MODEL", "SIZE", "COMPILED", "USED", "LICENCE"}};
  for (const StoredModel& model : models) {
    rows.push_back({model.name, size_text(model.bytes), compiled_text(model),
                    model.used ? age_text(*model.used, now) : "-",
                    model.licence.empty() ? "-" : model.licence});
  }
  print_columns(rows, out);
}

void print_compiled_json(const StoredModel& model, std::string& json) {
  JsonArray compiled(json);
  for (const CacheEntry& entry : model.compiled) {
    JsonObject object(compiled.next());
    object.text("precision", entry.precision);
    object.text("layout", entry.layout);
    object.text("folder", entry.path);
    object.count("bytes", entry.bytes);
    object.text("used", utc_text(entry.used));
    object.end();
  }
  compiled.end();
}

void print_models_json(const std::vector<StoredModel>& models, std::ostream& out) {
  std::string json;
  JsonObject root(json);
  JsonArray list(root.key("models"));
  for (const StoredModel& model : models) {
    JsonObject object(list.next());
    object.text("name", model.name);
    object.text("folder", model.folder);
    object.count("bytes", model.bytes);
    print_compiled_json(model, object.key("compiled"));
    if (model.used) {
      object.text("used", utc_text(*model.used));
    } else {
      object.null("used");
    }
    if (model.licence.empty()) {
      object.null("licence");
    } else {
      object.text("licence", model.licence);
    }
    object.end();
  }
  list.end();
  root.end();
  out << json << '\n';
}

void run_list(const ListFlags& flags, CliContext& context) {
  const std::vector<CacheEntry> entries =
      cache_entries(compiled_folder(flags.cache, context.environment));
  const std::vector<StoredModel> models = stored_models(entries, context.environment);
  if (flags.json) return print_models_json(models, context.out);
  if (flags.quiet) {
    for (const StoredModel& model : models) context.out << model.name << '\n';
    return;
  }
  if (models.empty()) {
    context.err << "there is no model on this machine; nestvec pull OWNER/NAME fetches one\n";
    return;
  }
  print_models(models, context.out);
}

}  // namespace

void add_list_command(CLI::App& app, CliContext& context) {
  CLI::App* command = app.add_subcommand("list", "List the models on this machine");
  const auto flags = std::make_shared<ListFlags>();
  command->add_flag("--json", flags->json, "Print one JSON object");
  command->add_flag("-q,--quiet", flags->quiet, "Print only the names, one a line");
  command->add_option("--cache-dir", flags->cache, "Folder of compiled models")
      ->check(not_empty())
      ->type_name("FOLDER")
      ->group("More options");
  command->footer(kListExamples);
  command->callback([flags, &context] { run_list(*flags, context); });
}

}  // namespace nestvec
