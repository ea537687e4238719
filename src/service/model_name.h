// SPDX-License-Identifier: Apache-2.0
// What a request's "model" names: a model, and maybe a task behind its name, for clients that have
// no field for it.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "nestvec/model.h"

namespace nestvec {

// "jina-embeddings-v3", "jinaai/jina-embeddings-v3", in any case; the same of its other names.
bool is_name_of(std::string_view name, const ModelInfo& model,
                std::span<const std::string> aliases = {});

// The name without the task or tag behind it: "jina-embeddings-v3" of "jina-embeddings-v3:query"
// and, where it names the model, of "jina-embeddings-v3-query". Empty where there is none.
std::string_view name_before_task(std::string_view name, const ModelInfo& model,
                                  std::span<const std::string> aliases = {});

// Throws Error kAlreadyExists where one of the names is one of the model, too.
void refuse_names_of(std::span<const std::string> names, const ModelInfo& model,
                     std::span<const std::string> aliases = {});

// "jina-embeddings-v3:retrieval.query" for each task.
std::vector<std::string> names_with_tasks(const ModelInfo& model);

// The task that a name asks for: "retrieval.query" in "jina-embeddings-v3:query", also as
// "jina-embeddings-v3-query" and "-passage"; empty where it asks for none. "latest" and tags with a
// digit ("v3", "f16") are no tasks. Any name is taken unless `strict`. Throws RequestError of
// `param`: kNotFound for another model where strict, kUnprocessable for a task behind the model's
// own name that it does not have.
std::string task_of_name(std::string_view name, const ModelInfo& model, bool strict,
                         std::string_view param = "model",
                         std::span<const std::string> aliases = {});

}  // namespace nestvec
