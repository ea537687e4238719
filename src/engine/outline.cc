// SPDX-License-Identifier: Apache-2.0
#include "engine/outline.h"

#include "engine/side_outputs.h"

#include <algorithm>
#include <filesystem>
#include <utility>
#include <vector>

#include "base/environment.h"
#include "base/excerpt.h"
#include "base/json.h"
#include "base/json_writer.h"
#include "compile/families/family.h"
#include "compile/manifest.h"
#include "config/model_location.h"
#include "engine/builtin_prompts.h"
#include "engine/task_names.h"

namespace nestvec {
namespace {

namespace fs = std::filesystem;

bool are_empty(const Prompts& prompts) {
  return std::ranges::all_of(prompts, [](const auto& prompt) { return prompt.second.empty(); });
}

// What may tell the model's name on the hub, the surest first. A folder with prompts, be they
// empty, was saved by somebody: config.json then names what it was trained from.
std::vector<std::string> names_of(const std::string& reference, const ModelFolder& folder,
                                  const std::string& repository) {
  std::vector<std::string> names = {reference, folder.path, repository};
  if (!folder.prompts.empty()) return names;
  const JsonDocument config = JsonDocument::load((fs::path(folder.path) / "config.json").string());
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

// The spec, and the repository that a compiled folder was made from.
struct Described {
  ModelSpec spec;
  std::string repository;
};

Described describe_folder(const ModelFolder& folder, const AdapterFolders& adapters) {
  if (!folder.is_compiled) return {read_model_spec(folder.path, adapters), ""};
  if (!adapters.empty()) {
    throw Error(ErrorCode::kInvalidArgument,
                folder.path +
                    ": is compiled already, so checkpoints.adapters cannot be added; compile the "
                    "folder that it was made from with them (nestvec compile --adapter)");
  }
  Manifest manifest = read_manifest(folder.path);
  return {std::move(manifest.spec), std::move(manifest.repository)};
}

// The prompts of the folder, or built-in ones where it stores none. Adapters come with their own.
struct Found {
  Prompts prompts;
  std::string source;
};

// A prompt for each task of a family whose tasks share prompts: the folder's of the task's name,
// else the folder's of the prompt's name, else the family's.
Found shared_prompts(const std::vector<AdapterTask>& tasks, const Prompts& stored,
                     const std::string& family) {
  Found found{{}, are_empty(stored) ? "built in for " + family : "model folder"};
  for (const AdapterTask& task : tasks) {
    const auto named = [&stored](const std::string& name) {
      return std::ranges::find(stored, name, [](const auto& prompt) { return prompt.first; });
    };
    auto own = named(task.name);
    if (own == stored.end()) own = named(task.prompt_name);
    found.prompts.emplace_back(task.name, own == stored.end() ? task.prompt : own->second);
  }
  return found;
}

// Adapters of the model itself, beside which its base weights are none of its tasks. Those that
// somebody adds to another model leave it the tasks that it has.
bool has_own_adapters(const ModelSpec& spec) {
  const Family* const family = find_family(spec.family);
  return !spec.adapters.tasks.empty() && (family == nullptr || !family->adapters.empty());
}

bool shares_prompts(const ModelSpec& spec) {
  const Family* const family = find_family(spec.family);
  return family != nullptr && !family->tasks.empty() && !spec.adapters.tasks.empty();
}

Found find_prompts(const ModelConfig& config, const ModelFolder& folder, const Described& described,
                   const LogSink& log) {
  const Prompts& stored = folder.prompts;
  if (shares_prompts(described.spec)) {
    return shared_prompts(adapter_tasks(described.spec.family, described.spec.adapters.tasks),
                          stored, described.spec.family);
  }
  if (!are_empty(stored)) return {stored, "model folder"};
  if (!config.runtime.builtin_prompts || has_own_adapters(described.spec)) return {stored, ""};
  const auto names = names_of(config.checkpoints.repo_id, folder, described.repository);
  std::optional<BuiltinPrompts> known = builtin_prompts(names);
  if (!known) return {stored, ""};
  log("prompts: built in for " + known->model +
      ", whose folder stores none: " + list_of(known->prompts) +
      "; they go before texts that name a task (off: runtime.builtin_prompts: false)");
  return {std::move(known->prompts), "built in for " + known->model};
}

// The tasks that have adapters, and whether prompts make no others.
struct TasksBeside {
  const std::vector<AdapterTask>& adapters;
  bool only = false;
};

// Sets the prompt of the task that `name` stands for, or adds one where prompts alone are tasks.
void set_prompt(const std::string& name, const std::string& prompt, const std::string& key,
                const TasksBeside& beside, Prompts& prompts) {
  const std::vector<AdapterTask>& adapters = beside.adapters;
  std::vector<TaskInfo> tasks;
  for (const AdapterTask& adapter : adapters) tasks.push_back({adapter.name, "", true});
  for (const auto& [other, text] : prompts) tasks.push_back({other, text, false});
  const TaskInfo* task = same_task(tasks, name);
  if (task == nullptr && beside.only) {
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
bool add_configured(const RuntimeOptions& runtime, const TasksBeside& adapters, Prompts& prompts) {
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

// Of a folder that does not name one.
void take_usual_pooling(const ModelSpec& spec, ModelFolder& folder) {
  const Family* const family = find_family(spec.family);
  if (folder.names_pooling || family == nullptr || !family->last_token) return;
  folder.pooling = Pooling::kLast;
  folder.normalize = true;
  folder.names_pooling = true;
  folder.names_normalization = true;
}

ModelInfo describe_outline(const ModelConfig& config, const ModelFolder& folder,
                           const ModelSpec& spec) {
  ModelInfo info;
  info.id =
      config.model.id.empty() ? short_model_name(config.checkpoints.repo_id) : config.model.id;
  info.family = spec.family;
  info.folder = folder.path;
  if (spec.head.classifier) {
    info.dense = false;
    return info;
  }
  info.matryoshka_dimensions = spec.matryoshka_dimensions;
  // What an ONNX export gives is known when it is opened.
  const bool known = folder.is_compiled || has_checkpoint(folder);
  info.most_dimensions = known ? width_behind(folder.modules, spec.hidden) : 0;
  info.dimensions = folder.dimensions > 0 ? folder.dimensions : info.most_dimensions;
  describe_sides(spec.head, info);
  return info;
}

ScoreRules read_scores(const ModelFolder& folder, const HeadSpec::Classifier& head) {
  ScoreRules rules = read_score_rules(folder.path, !head.tokens.empty(), head.outputs);
  if (rules.labels.size() != head.outputs) {
    throw Error(ErrorCode::kFailedPrecondition,
                folder.path + ": config.json has " + std::to_string(rules.labels.size()) +
                    " labels, the compiled graph " + std::to_string(head.outputs) +
                    "; compile the model again");
  }
  if (rules.layout && !folder.default_prompt.empty()) {
    const auto prompt = std::ranges::find(folder.prompts, folder.default_prompt,
                                          [](const auto& entry) { return entry.first; });
    if (prompt != folder.prompts.end()) rules.layout->instruction = prompt->second;
  } else if (!folder.default_prompt.empty()) {
    throw Error(ErrorCode::kUnimplemented,
                folder.path +
                    ": default_prompt_name: a prompt for all pairs is not supported; put it before "
                    "the query, and remove the key");
  }
  return rules;
}

AdapterFolders folders_of_adapters(const ModelConfig& config) {
  AdapterFolders folders = config.checkpoints.adapters;
  for (auto& [task, folder] : folders) folder = expand_path(folder, process_environment());
  return folders;
}

}  // namespace

Outline read_outline(const ModelConfig& config, const LogSink& log) {
  ModelFolder folder =
      read_model_folder(locate_model(config.checkpoints.repo_id, "", process_environment()));
  AdapterFolders extra = folders_of_adapters(config);
  Described described = describe_folder(folder, extra);
  HeadSpec& head = described.spec.head;
  if (head.classifier && !folder.is_classifier) {  // of a family that publishes it unnamed
    folder.is_classifier = true;
    folder.head = "its weights have a classifier";
  }
  // Who names a pooling wants the encoder's vectors.
  if (folder.names_pooling || config.runtime.pooling != "auto") head.classifier.reset();
  if (head.vocabulary && config.runtime.pooling != "auto") {
    throw Error(ErrorCode::kUnimplemented,
                folder.path + ": runtime.pooling is \"" + config.runtime.pooling +
                    "\", but the folder's SpladePooling gives sparse vectors; leave it at auto");
  }
  const ModelSpec& spec = described.spec;
  const std::vector<AdapterTask> adapters = adapter_tasks(spec.family, spec.adapters.tasks);
  Found found = find_prompts(config, folder, described, log);
  const bool only = has_own_adapters(spec);
  if (add_configured(config.runtime, {adapters, only}, found.prompts)) {
    found.source += found.source.empty() ? "configuration" : ", configuration";
  }
  // Where tasks share prompts the name of one is no task.
  TaskTable tasks = TaskTable::over(adapters, found.prompts, only, config.runtime.default_task,
                                    shares_prompts(spec) ? "" : folder.default_prompt);
  take_usual_pooling(spec, folder);
  ModelInfo info = describe_outline(config, folder, spec);
  info.tasks = tasks.tasks();
  info.default_task = tasks.default_task();
  info.adapters = extra;
  info.prompts_source = std::move(found.source);
  ScoreRules scores;
  if (described.spec.head.classifier) {
    scores = read_scores(folder, *described.spec.head.classifier);
    info.labels = scores.labels;
    info.activation = activation_name(scores.activation);
  }
  return {std::move(folder), std::move(described.spec), std::move(tasks),
          std::move(scores), std::move(info),           std::move(extra)};
}

}  // namespace nestvec
