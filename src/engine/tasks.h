// SPDX-License-Identifier: Apache-2.0
// The tasks of a model: names, prompts, adapters.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

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
  // `adapters` in the graph's order; `prompts` by task name, for adapters or of their own (models
  // that were trained with prompts alone). "text-matching", the usual `default_task`, counts as
  // "none" where the model does not have it. Throws Error kInvalidArgument for another that a model
  // with tasks does not have.
  TaskTable(const std::vector<std::string>& adapters,
            const std::vector<std::pair<std::string, std::string>>& prompts,
            const std::string& default_task);

  // The task of that name; empty = the default, "none" = base weights without a prompt.
  // Throws Error kInvalidArgument listing the valid names.
  TaskChoice resolve(std::string_view name) const;

  const std::vector<TaskInfo>& tasks() const noexcept { return tasks_; }
  const std::string& default_task() const noexcept { return default_task_; }

 private:
  const TaskInfo* find(std::string_view name) const;
  Error unknown(std::string_view name) const;

  std::vector<TaskInfo> tasks_;
  std::size_t adapters_ = 0;  // the first so many of tasks_ have an adapter
  std::string default_task_;
};

}  // namespace nestvec
