// SPDX-License-Identifier: Apache-2.0
#include "engine/tasks.h"

#include <algorithm>

namespace nestvec {

namespace {
constexpr std::string_view kNone = "none";
constexpr std::string_view kUsualDefault = "text-matching";
}  // namespace

TaskTable::TaskTable(const std::vector<std::string>& adapters,
                     const std::vector<std::pair<std::string, std::string>>& prompts,
                     const std::string& default_task)
    : adapters_(adapters.size()) {
  for (const std::string& name : adapters) tasks_.push_back({name, ""});
  for (const auto& [name, prompt] : prompts) {
    const auto known = std::find_if(tasks_.begin(), tasks_.end(),
                                    [&](const TaskInfo& task) { return task.name == name; });
    if (known != tasks_.end()) {
      known->prompt = prompt;
    } else if (adapters.empty()) {
      tasks_.push_back({name, prompt});
    }
  }
  default_task_ = find(default_task) != nullptr ? default_task : std::string(kNone);
  // The usual default is meant for models that have it; any other name was chosen for this one.
  const bool chosen = default_task != kNone && default_task != kUsualDefault;
  if (chosen && default_task_ == kNone && !tasks_.empty()) {
    throw Error(ErrorCode::kInvalidArgument,
                "runtime.default_task: " + std::string(unknown(default_task).what()));
  }
}

Error TaskTable::unknown(std::string_view name) const {
  std::string valid;
  for (const TaskInfo& task : tasks_) valid += task.name + ", ";
  return Error(ErrorCode::kInvalidArgument, "unknown task \"" + std::string(name.substr(0, 64)) +
                                                "\"; this model has " + valid + "none");
}

const TaskInfo* TaskTable::find(std::string_view name) const {
  const auto task = std::find_if(tasks_.begin(), tasks_.end(),
                                 [&](const TaskInfo& candidate) { return candidate.name == name; });
  return task == tasks_.end() ? nullptr : &*task;
}

TaskChoice TaskTable::resolve(std::string_view name) const {
  if (name.empty()) name = default_task_;
  if (name == kNone) return {};
  const TaskInfo* task = find(name);
  if (task == nullptr) throw unknown(name);
  const auto index = static_cast<std::size_t>(task - tasks_.data());
  return {index < adapters_ ? static_cast<std::int32_t>(index) : -1, task->prompt};
}

}  // namespace nestvec
