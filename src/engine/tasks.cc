// SPDX-License-Identifier: Apache-2.0
#include "engine/tasks.h"

#include <algorithm>

#include "base/excerpt.h"
#include "engine/task_names.h"

namespace nestvec {

namespace {
constexpr std::string_view kUsualDefault = "text-matching";
}  // namespace

TaskTable::TaskTable(const std::vector<std::string>& adapters, const Prompts& prompts,
                     const std::string& default_task, const std::string& default_prompt)
    : TaskTable(over(adapter_tasks("", adapters), prompts, !adapters.empty(), default_task,
                     default_prompt)) {}

TaskTable TaskTable::over(const std::vector<AdapterTask>& tasks, const Prompts& prompts, bool only,
                          const std::string& default_task, const std::string& default_prompt) {
  TaskTable table;
  std::vector<TaskInfo>& all = table.tasks_;
  for (const AdapterTask& task : tasks) {
    all.push_back({task.name, "", true});
    table.adapters_.push_back(static_cast<std::int32_t>(task.adapter));
  }
  for (const auto& [name, prompt] : prompts) {
    const auto known = std::ranges::find(all, name, &TaskInfo::name);
    if (known != all.end()) {
      known->prompt = prompt;
    } else if (!only) {
      all.push_back({name, prompt, false});
    }
  }
  table.default_task_ = table.choose_default(default_task, default_prompt);
  return table;
}

std::string TaskTable::choose_default(const std::string& default_task,
                                      const std::string& default_prompt) const {
  if (!default_task.empty()) {
    try {
      const TaskInfo* task = task_for(tasks_, default_task);
      return task == nullptr ? std::string(kNoneTask) : task->name;
    } catch (const Error& error) {
      throw Error(error.code(), "runtime.default_task: " + std::string(error.what()));
    }
  }
  if (!default_prompt.empty()) {
    if (const TaskInfo* task = same_task(tasks_, default_prompt)) return task->name;
    throw Error(ErrorCode::kInvalidArgument,
                "config_sentence_transformers.json: default_prompt_name \"" +
                    excerpt(default_prompt) + "\" is not among its prompts; add that prompt, or " +
                    "set runtime.default_task");
  }
  const auto usual = std::ranges::find(tasks_, kUsualDefault, &TaskInfo::name);
  return std::string(usual == tasks_.end() ? kNoneTask : kUsualDefault);
}

TaskChoice TaskTable::resolve(std::string_view name) const {
  const TaskInfo* task = task_for(tasks_, name.empty() ? default_task_ : name);
  if (task == nullptr) return {};
  const auto index = static_cast<std::size_t>(task - tasks_.data());
  return {task->adapter ? adapters_[index] : -1, task->prompt};
}

}  // namespace nestvec
