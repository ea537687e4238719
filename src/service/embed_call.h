// SPDX-License-Identifier: Apache-2.0
// What all dialects' embedding routes come down to.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "nestvec/model.h"

namespace nestvec {

struct EmbedCall {
  std::vector<std::string> texts;
  std::vector<std::string> tasks;  // empty, or one a text (empty = options.task)
  // How many texts each document was cut into; empty = a text is a document. With late chunking
  // each document is a context of its own. Errors then name the document.
  std::vector<std::size_t> documents;
  EmbedOptions options;
  std::string param = "input";  // the member of the request that has the texts, for errors
  // The vectors of each text's tokens are wanted, of so many numbers at most.
  bool token_vectors = false;
  std::size_t max_numbers = 0;
};

// find_task() and find_prompt() of nestvec/tasks.h for a member of a request. Throw RequestError
// kUnprocessable (422) with the valid names.
std::string resolve_task(std::string_view name, const ModelInfo& model, std::string_view param);
std::string resolve_prompt(std::string_view name, const ModelInfo& model, std::string_view param);

// The prompt of a task by its own name; empty where the model has no such task.
std::string prompt_of(std::string_view task, const ModelInfo& model);

}  // namespace nestvec
