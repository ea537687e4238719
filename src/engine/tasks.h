// SPDX-License-Identifier: Apache-2.0
// The tasks of a model: names, prompts, adapters.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "compile/families/family.h"
#include "nestvec/model.h"

namespace nestvec {

// What a task's name stands for.
struct TaskChoice {
  std::int32_t adapter = -1;  // index into the graph's adapters; -1 = base weights
  std::string_view prompt;    // valid until the table dies
};

// Immutable after construction; safe for concurrent use.
class TaskTable {
 public:
  // `adapters` in the graph's order; `prompts` for adapters, or as tasks of their own where there
  // are none (models that were trained with prompts alone). The default is `default_task`, which a
  // user chose, else `default_prompt`, which the model's files name, else text-matching where the
  // model has it, else none. Throws Error kInvalidArgument for a default that is no task, or names
  // no prompt.
  TaskTable(const std::vector<std::string>& adapters, const Prompts& prompts,
            const std::string& default_task, const std::string& default_prompt = "");

  // The same for tasks of which several may share an adapter; `prompts` are named as the tasks.
  // Those of other names are tasks on the base weights, unless there are `only` these tasks.
  static TaskTable over(const std::vector<AdapterTask>& tasks, const Prompts& prompts, bool only,
                        const std::string& default_task, const std::string& default_prompt);

  // The task that find_task() of nestvec/tasks.h finds; empty = the default. Throws as that.
  TaskChoice resolve(std::string_view name) const;

  const std::vector<TaskInfo>& tasks() const noexcept { return tasks_; }
  const std::string& default_task() const noexcept { return default_task_; }

 private:
  TaskTable() = default;
  std::string choose_default(const std::string& default_task,
                             const std::string& default_prompt) const;

  std::vector<TaskInfo> tasks_;         // those with an adapter first
  std::vector<std::int32_t> adapters_;  // of each of them
  std::string default_task_;
};

}  // namespace nestvec
