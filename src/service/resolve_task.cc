// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "nestvec/tasks.h"
#include "service/embed_call.h"
#include "service/error_style.h"

namespace nestvec {
namespace {

template <typename Find>
std::string or_unprocessable(Find find, std::string_view param) {
  try {
    return find();
  } catch (const Error& error) {
    throw RequestError(error.code(), error.what(), std::string(param), Fault::kUnprocessable);
  }
}

}  // namespace

std::string resolve_task(std::string_view name, const ModelInfo& model, std::string_view param) {
  return or_unprocessable([&] { return find_task(model, name); }, param);
}

std::string resolve_prompt(std::string_view name, const ModelInfo& model, std::string_view param) {
  return or_unprocessable([&] { return find_prompt(model, name); }, param);
}

std::string prompt_of(std::string_view task, const ModelInfo& model) {
  const auto found = std::ranges::find(model.tasks, task, &TaskInfo::name);
  return found == model.tasks.end() ? std::string() : found->prompt;
}

}  // namespace nestvec
