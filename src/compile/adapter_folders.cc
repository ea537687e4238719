// SPDX-License-Identifier: Apache-2.0
#include "compile/adapter_folders.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <optional>
#include <string_view>
#include <vector>

#include "nestvec/error.h"
#include "weights/peft_adapter.h"

namespace nestvec {
namespace {

// Folders cannot hold every character of a task's name: "retrieval_query" is "retrieval.query".
std::string folded(std::string text) {
  std::replace_if(text.begin(), text.end(), [](char c) { return c == '.' || c == '-'; }, '_');
  return text;
}

// An adapter folder and the task that it serves.
struct AdapterFolder {
  std::size_t order = 0;  // as config.json lists the tasks, unknown ones behind
  std::string task;
  std::string path;

  auto operator<=>(const AdapterFolder&) const = default;
};

AdapterFolder adapter_folder(const std::filesystem::path& path,
                             const std::vector<std::string>& tasks) {
  const std::string name = path.filename().string();
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    if (folded(tasks[i]) == folded(name)) return {i, tasks[i], path.string()};
  }
  return {tasks.size(), name, path.string()};
}

std::vector<AdapterFolder> find_adapter_folders(const std::string& folder,
                                                const std::vector<std::string>& tasks) {
  namespace fs = std::filesystem;
  std::vector<AdapterFolder> found;
  for (const fs::path& place : {fs::path(folder), fs::path(folder) / "adapters"}) {
    std::error_code failed;
    for (const auto& entry : fs::directory_iterator(place, failed)) {
      if (is_peft_folder(entry.path().string())) {
        found.push_back(adapter_folder(entry.path(), tasks));
      }
    }
  }
  std::sort(found.begin(), found.end());
  return found;
}

// `tasks` as config.json lists them: jina-embeddings-v3's and v5's key.
std::optional<JsonValue> listed_tasks(const JsonValue& config) {
  const auto tasks = config.find("lora_adaptations");
  return tasks ? tasks : config.find("task_names");
}

void check_all_found(const JsonValue& config, const std::vector<AdapterFolder>& folders) {
  const auto listed = listed_tasks(config);
  if (!listed) return;
  for (const JsonValue& task : listed->elements()) {
    const bool found = std::any_of(folders.begin(), folders.end(), [&](const AdapterFolder& other) {
      return other.task == task.string();
    });
    if (!found) {
      throw task.error("no adapter folder for " + std::string(task.string()) +
                       ", there are folders for others");
    }
  }
}

// "none" and "base", in capitals too, ask for the model without an adapter.
void check_adapter_name(const std::string& task) {
  std::string lower = task;
  std::ranges::transform(lower, lower.begin(), [](char c) {
    return static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  });
  if (lower != "none" && lower != "base") return;
  throw Error(ErrorCode::kInvalidArgument,
              "checkpoints.adapters: no adapter can be called \"" + task +
                  "\", which is the model without one; choose another name");
}

// Each has its own ranks and scalings, which stand with its tensors.
void add_adapter(const std::string& task, const std::string& path, AdapterSpec& all) {
  const PeftConfig adapter = read_peft_config(path);
  if (all.tasks.empty()) all.scaling = adapter.scaling_of("");
  all.rank = std::max(all.rank, adapter.largest_rank());
  all.tasks.push_back(task);
  all.folders.push_back(path);
}

}  // namespace

void read_adapter_folders(const std::string& folder, const JsonValue& config, const Family& family,
                          ModelSpec& spec) {
  std::vector<std::string> tasks = spec.adapters.tasks;
  if (tasks.empty()) tasks.assign(family.adapters.begin(), family.adapters.end());
  const std::vector<AdapterFolder> folders = find_adapter_folders(folder, tasks);
  const bool in_base = spec.adapters.rank > 0;
  if (folders.empty() && !in_base && !spec.adapters.tasks.empty()) {
    throw Error(ErrorCode::kNotFound, folder + ": no adapters, but config.json names the tasks \"" +
                                          spec.adapters.tasks.front() +
                                          "\" and others; expected a folder for each "
                                          "under adapters/");
  }
  if (folders.empty()) return;
  check_all_found(config, folders);
  spec.adapters = {};
  for (const AdapterFolder& found : folders) add_adapter(found.task, found.path, spec.adapters);
}

void add_adapters(const std::string& folder, const AdapterFolders& adapters, ModelSpec& spec) {
  if (adapters.empty()) return;
  if (!spec.adapters.tasks.empty() && spec.adapters.folders.empty()) {
    throw Error(ErrorCode::kUnimplemented,
                folder +
                    ": checkpoints.adapters beside adapters in the model's own weights are not "
                    "supported");
  }
  if (spec.head.classifier) {
    throw Error(ErrorCode::kUnimplemented,
                folder +
                    ": checkpoints.adapters on a classifier are not supported: merge one into "
                    "the weights (peft: merge_and_unload)");
  }
  for (const auto& [task, path] : adapters) {
    check_adapter_name(task);
    if (std::ranges::find(spec.adapters.tasks, task) != spec.adapters.tasks.end()) {
      throw Error(ErrorCode::kInvalidArgument,
                  "checkpoints.adapters: the model has a task \"" + task + "\" already");
    }
    if (!is_peft_folder(path)) {
      throw Error(ErrorCode::kNotFound, "checkpoints.adapters: " + task +
                                            ": no adapter_config.json in " + path +
                                            "; expected a folder as PEFT writes it");
    }
    add_adapter(task, path, spec.adapters);
  }
}

}  // namespace nestvec
