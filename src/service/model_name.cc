// SPDX-License-Identifier: Apache-2.0
#include "service/model_name.h"

#include <algorithm>
#include <cctype>
#include <optional>

#include "base/excerpt.h"
#include "base/trim.h"
#include "service/embed_call.h"
#include "service/error_style.h"

namespace nestvec {
namespace {

bool equal_without_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(
      a, b, [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

// "latest", "v1.5", "q8_0": which build of a model, in Ollama's names.
bool is_tag(std::string_view suffix) {
  return suffix.empty() || suffix == "latest" ||
         std::ranges::any_of(suffix, [](unsigned char c) { return std::isdigit(c) != 0; });
}

std::optional<std::string> known_task(std::string_view name, const ModelInfo& model) {
  try {
    return resolve_task(name, model, "");
  } catch (const RequestError&) {
    return std::nullopt;
  }
}

// A name in its parts; `base` is empty where there is no suffix.
struct Parts {
  std::string_view base;
  std::string_view suffix;
};

using Aliases = std::span<const std::string>;

Parts parts_of(std::string_view name, const ModelInfo& model, Aliases aliases) {
  const std::size_t colon = name.rfind(':');
  if (colon != std::string_view::npos) return {name.substr(0, colon), name.substr(colon + 1)};
  for (const std::string_view task : {"query", "passage"}) {  // as NVIDIA's models have it
    const std::size_t dash = name.size() - std::min(name.size(), task.size() + 1);
    if (name.ends_with(task) && name[dash] == '-' &&
        is_name_of(name.substr(0, dash), model, aliases)) {
      return {name.substr(0, dash), task};
    }
  }
  return {};
}

}  // namespace

bool is_name_of(std::string_view name, const ModelInfo& model, Aliases aliases) {
  const std::string_view last = name.substr(name.rfind('/') + 1);
  const auto is_it = [&](std::string_view own) {
    return equal_without_case(name, own) || equal_without_case(last, own);
  };
  return is_it(model.id) || std::ranges::any_of(aliases, is_it);
}

std::string_view name_before_task(std::string_view name, const ModelInfo& model, Aliases aliases) {
  return parts_of(name, model, aliases).base;
}

void refuse_names_of(std::span<const std::string> names, const ModelInfo& model, Aliases aliases) {
  for (const std::string& name : names) {
    if (!is_name_of(name, model, aliases)) continue;
    throw Error(ErrorCode::kAlreadyExists,
                "two models have the name " + excerpt(name) + "; give one of them another name");
  }
}

std::vector<std::string> names_with_tasks(const ModelInfo& model) {
  std::vector<std::string> names;
  for (const TaskInfo& task : model.tasks) names.push_back(model.id + ":" + task.name);
  return names;
}

std::string task_of_name(std::string_view name, const ModelInfo& model, bool strict,
                         std::string_view param, Aliases aliases) {
  if (name.empty() || is_name_of(name, model, aliases)) return "";
  const Parts parts = parts_of(name, model, aliases);
  const std::string_view base = parts.base;
  const std::string_view suffix = trim(parts.suffix);
  const bool own = is_name_of(base, model, aliases);
  if (strict && !own) {
    throw RequestError(ErrorCode::kNotFound,
                       "there is no model " + excerpt(name) + " here; this server has " + model.id,
                       std::string(param));
  }
  if (base.empty() || suffix.empty()) return "";
  const Parts inner = parts_of(base, model, aliases);
  if (is_name_of(inner.base, model, aliases) && !is_tag(inner.suffix)) {
    throw RequestError(ErrorCode::kInvalidArgument,
                       excerpt(name) + " names more than one task; write " + model.id + ":TASK",
                       std::string(param), Fault::kUnprocessable);
  }
  if (const auto task = known_task(suffix, model)) return *task;
  return own && !is_tag(suffix) ? resolve_task(suffix, model, param) : "";
}

}  // namespace nestvec
