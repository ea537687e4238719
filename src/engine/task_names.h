// SPDX-License-Identifier: Apache-2.0
// The one table of what tasks are called, here and by other APIs.
#pragma once

#include <span>
#include <string_view>

#include "nestvec/model.h"

namespace nestvec {

// The base weights without a prompt.
inline constexpr std::string_view kNoneTask = "none";

// The task of that name: by the name itself, by another spelling of it, or by another name for its
// purpose; null where there is none.
const TaskInfo* same_task(std::span<const TaskInfo> tasks, std::string_view name);

// As nestvec/tasks.h has find_task: null for kNoneTask and for a purpose that makes no difference
// to the model. Throws Error kInvalidArgument with the valid names.
const TaskInfo* task_for(std::span<const TaskInfo> tasks, std::string_view name);

}  // namespace nestvec
