// SPDX-License-Identifier: Apache-2.0
// The names of tasks. The library, the command, the configuration, the server and Python all use
// these functions, so a name means the same everywhere (docs/api.md, "Tasks").
#pragma once

#include <string>
#include <string_view>

#include "nestvec/model.h"

namespace nestvec {

// The model's own name for the task that `name` means, or "none" for the base weights without a
// prompt. Ignores case and treats ".", "-", "_" and spaces alike. Knows the names of other APIs
// ("query", "search_document", "clustering", ...). If the model has no adapters and no task for a
// known purpose, the result is "none". An empty name stays empty: the model's default. Throws Error
// kInvalidArgument, with the valid names, for an unknown name, or if a model with adapters has no
// task for the purpose.
std::string find_task(const ModelInfo& model, std::string_view name);

// The task whose prompt is called `name`, in the same spellings. Unlike find_task(), it throws
// Error kInvalidArgument if the model has no such prompt, as sentence-transformers does.
std::string find_prompt(const ModelInfo& model, std::string_view name);

}  // namespace nestvec
