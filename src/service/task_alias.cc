// SPDX-License-Identifier: Apache-2.0
// Tasks by the names that other APIs have for them.
#include <algorithm>
#include <array>
#include <cctype>
#include <span>

#include "base/excerpt.h"
#include "service/embed_call.h"
#include "service/error_style.h"

namespace nestvec {
namespace {

// In lower case, "." between words; a group of names for one purpose, the first is Jina's.
constexpr std::array<std::string_view, 3> kQuery = {"retrieval.query", "query", "search.query"};
constexpr std::array<std::string_view, 5> kPassage = {
    "retrieval.passage", "passage", "retrieval.document", "document", "search.document"};
constexpr std::array<std::string_view, 2> kSeparation = {"separation", "clustering"};
constexpr std::array<std::string_view, 1> kClassification = {"classification"};
constexpr std::array<std::string_view, 6> kMatching = {
    "text.matching", "semantic.similarity", "sentence.similarity", "similarity", "matching", "sts"};

using Group = std::span<const std::string_view>;
constexpr std::array<Group, 5> kGroups = {kQuery, kPassage, kSeparation, kClassification,
                                          kMatching};

std::string canonical(std::string_view name) {
  std::string result(name);
  for (char& c : result) {
    c = c == '_' || c == '-' ? '.' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return result;
}

Group group_of(const std::string& name) {
  for (const Group group : kGroups) {
    if (std::find(group.begin(), group.end(), name) != group.end()) return group;
  }
  return {};
}

RequestError unknown_task(std::string_view name, const ModelInfo& model, std::string_view param) {
  std::string valid;
  for (const TaskInfo& task : model.tasks) valid += task.name + ", ";
  return {ErrorCode::kInvalidArgument,
          "unknown task " + excerpt(name) + "; this model has " + valid + "none",
          std::string(param), Fault::kUnprocessable};
}

}  // namespace

std::string resolve_task(std::string_view name, const ModelInfo& model, std::string_view param) {
  if (name.empty()) return "";
  constexpr std::size_t kLongest = 64;
  if (name.size() > kLongest) throw unknown_task(name, model, param);
  for (const TaskInfo& task : model.tasks) {
    if (task.name == name) return task.name;
  }
  const std::string wanted = canonical(name);
  if (wanted == "none") return wanted;
  for (const TaskInfo& task : model.tasks) {
    if (canonical(task.name) == wanted) return task.name;
  }
  const Group group = group_of(wanted);
  if (group.empty()) throw unknown_task(name, model, param);
  for (const TaskInfo& task : model.tasks) {
    if (group_of(canonical(task.name)).data() == group.data()) return task.name;
  }
  if (model.tasks.empty()) return "";
  throw unknown_task(name, model, param);
}

std::string prompt_of(std::string_view task, const ModelInfo& model) {
  const auto found = std::ranges::find(model.tasks, task, &TaskInfo::name);
  return found == model.tasks.end() ? std::string() : found->prompt;
}

}  // namespace nestvec
