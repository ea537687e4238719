// SPDX-License-Identifier: Apache-2.0
// What a task may be called. The library, the command, the configuration, the server and Python all
// ask here, so that a name means the same everywhere (docs/api.md, "Tasks").
#pragma once

#include <string>
#include <string_view>

#include "nestvec/model.h"

namespace nestvec {

// The task of `model` that `name` stands for, by the model's own name for it, or "none" for the
// base weights without a prompt. Names are compared without case, and ".", "-", "_" and spaces are
// alike; names of other APIs are known ("query", "search_document", "clustering", ...). A purpose
// for which the model has no task is "none" where its tasks are prompts alone, or it has none.
// An empty name stays empty: the model's default. Throws Error kInvalidArgument with the valid
// names: no purpose is called so, or a model with adapters has none for it.
std::string find_task(const ModelInfo& model, std::string_view name);

// The task whose prompt is called `name`, in the same spellings. Unlike find_task() it throws Error
// kInvalidArgument for a prompt that the model does not have, as sentence-transformers does.
std::string find_prompt(const ModelInfo& model, std::string_view name);

}  // namespace nestvec
