// SPDX-License-Identifier: Apache-2.0
// For tests of request parsers: a model that there is not, and what an error was about.
#pragma once

#include <string>

#include "dialects/inputs.h"

namespace nestvec {

inline ModelInfo described_model() {
  ModelInfo model;
  model.id = "jina-embeddings-v3";
  model.dimensions = 1024;
  model.max_tokens = 8192;
  model.vocabulary = 1000;
  model.default_task = "text-matching";
  for (const char* task :
       {"retrieval.query", "retrieval.passage", "separation", "classification", "text-matching"}) {
    model.tasks.push_back({task, ""});
  }
  return model;
}

// Token 65 is "A" and so on; ids over 200 have no text.
inline std::string decode_letters(std::span<const std::uint32_t> ids) {
  std::string text;
  for (const std::uint32_t id : ids) {
    if (id <= 200) text.push_back(static_cast<char>(id));
  }
  return text;
}

inline InputRules described_rules(const ModelInfo& model) { return {model, 4, decode_letters}; }

// What a refused request was told: "STATUS PARAM: MESSAGE", or "no error".
template <typename Action>
std::string refusal_of(Action action) {
  try {
    action();
  } catch (const RequestError& error) {
    return std::to_string(http_status(error)) + " " + error.param() + ": " + error.what();
  } catch (const Error& error) {
    return std::to_string(http_status(error)) + ": " + error.what();
  }
  return "no error";
}

}  // namespace nestvec
