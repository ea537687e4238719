// SPDX-License-Identifier: Apache-2.0
#include "engine/outline.h"

#include <algorithm>
#include <filesystem>
#include <utility>
#include <vector>

#include "base/environment.h"
#include "base/excerpt.h"
#include "base/json.h"
#include "base/json_writer.h"
#include "compile/manifest.h"
#include "config/model_location.h"
#include "engine/builtin_prompts.h"
#include "engine/task_names.h"
#include "nestvec/load.h"

namespace nestvec {
namespace {

namespace fs = std::filesystem;

bool are_empty(const Prompts& prompts) {
  return std::ranges::all_of(prompts, [](const auto& prompt) { return prompt.second.empty(); });
}

// What may tell the model's name on the hub, the surest first.
std::vector<std::string> names_of(const std::string& reference, const std::string& folder,
                                  const std::string& repository) {
  std::vector<std::string> names = {reference, folder, repository};
  const JsonDocument config = JsonDocument::load((fs::path(folder) / "config.json").string());
  const auto name = config.root().find("_name_or_path");
  if (name && name->kind() == JsonValue::Kind::kString) names.emplace_back(name->string());
  return names;
}

// "query "query: ", passage "passage: "".
std::string list_of(const Prompts& prompts) {
  std::string list;
  for (const auto& [name, prompt] : prompts) {
    list += (list.empty() ? "" : ", ") + name + " ";
    append_json_string(prompt, list);
  }
  return list;
}

// The prompts of the folder, or built-in ones where it stores none. Adapters come with their own.
struct Found {
  Prompts prompts;
  std::string source;
};

Found find_prompts(const ModelConfig& config, const Outline& outline, const std::string& repository,
                   const LogSink& log) {
  const Prompts& stored = outline.folder.prompts;
  if (!are_empty(stored)) return {stored, "model folder"};
  if (!config.runtime.builtin_prompts || !outline.spec.adapters.tasks.empty()) return {stored, ""};
  const auto names = names_of(config.checkpoints.repo_id, outline.folder.path, repository);
  std::optional<BuiltinPrompts> known = builtin_prompts(names);
  if (!known) return {stored, ""};
  log("prompts: built in for " + known->model +
      ", whose folder stores none: " + list_of(known->prompts) +
      "; they go before texts that name a task (off: runtime.builtin_prompts: false)");
  return {std::move(known->prompts), "built in for " + known->model};
}

// Sets the prompt of the task that `name` stands for, or adds one where prompts alone are tasks.
void set_prompt(const std::string& name, const std::string& prompt, const std::string& key,
                const std::vector<std::string>& adapters, Prompts& prompts) {
  std::vector<TaskInfo> tasks;
  for (const std::string& adapter : adapters) tasks.push_back({adapter, "", true});
  for (const auto& [other, text] : prompts) tasks.push_back({other, text, false});
  const TaskInfo* task = same_task(tasks, name);
  if (task == nullptr && !adapters.empty()) {
    throw Error(ErrorCode::kInvalidArgument,
                key + ": the model has adapters, and none for \"" + excerpt(name) + "\"");
  }
  const std::string& own = task == nullptr ? name : task->name;
  const auto same = [&own](const auto& entry) { return entry.first == own; };
  const auto known = std::ranges::find_if(prompts, same);
  if (known == prompts.end()) {
    prompts.emplace_back(own, prompt);
  } else {
    known->second = prompt;
  }
}

// Whether the configuration has any.
bool add_configured(const RuntimeOptions& runtime, const std::vector<std::string>& adapters,
                    Prompts& prompts) {
  for (const auto& [name, prompt] : runtime.prompts) {
    set_prompt(name, prompt, "runtime.prompts", adapters, prompts);
  }
  if (!runtime.query_prompt.empty()) {
    set_prompt("query", runtime.query_prompt, "runtime.query_prompt", adapters, prompts);
  }
  if (!runtime.document_prompt.empty()) {
    set_prompt("document", runtime.document_prompt, "runtime.document_prompt", adapters, prompts);
  }
  return !runtime.prompts.empty() || !runtime.query_prompt.empty() ||
         !runtime.document_prompt.empty();
}

}  // namespace

Outline read_outline(const ModelConfig& config, const LogSink& log) {
  Outline outline{
      read_model_folder(locate_model(config.checkpoints.repo_id, "", process_environment())),
      {},
      TaskTable({}, {}, ""),
      ""};
  std::string repository;
  if (outline.folder.is_compiled) {
    Manifest manifest = read_manifest(outline.folder.path);
    outline.spec = std::move(manifest.spec);
    repository = std::move(manifest.repository);
  } else {
    outline.spec = read_model_spec(outline.folder.path);
  }
  const std::vector<std::string>& adapters = outline.spec.adapters.tasks;
  Found found = find_prompts(config, outline, repository, log);
  if (add_configured(config.runtime, adapters, found.prompts)) {
    found.source += found.source.empty() ? "configuration" : ", configuration";
  }
  outline.tasks = TaskTable(adapters, found.prompts, config.runtime.default_task,
                            outline.folder.default_prompt);
  outline.prompts_source = std::move(found.source);
  return outline;
}

std::string model_id(const ModelConfig& config) {
  return config.model.id.empty() ? short_model_name(config.checkpoints.repo_id) : config.model.id;
}

ModelInfo outline_model(const ModelConfig& config) {
  const Outline outline = read_outline(config, [](std::string_view) {});
  ModelInfo info;
  info.id = model_id(config);
  info.family = outline.spec.family;
  info.folder = outline.folder.path;
  info.tasks = outline.tasks.tasks();
  info.default_task = outline.tasks.default_task();
  info.prompts_source = outline.prompts_source;
  info.matryoshka_dimensions = outline.spec.matryoshka_dimensions;
  // What an ONNX export gives is known when it is opened.
  const bool known = outline.folder.is_compiled || outline.folder.has_safetensors;
  info.most_dimensions = known ? outline.spec.hidden : 0;
  info.dimensions =
      outline.folder.dimensions > 0 ? outline.folder.dimensions : info.most_dimensions;
  return info;
}

}  // namespace nestvec
