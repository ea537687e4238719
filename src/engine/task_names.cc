// SPDX-License-Identifier: Apache-2.0
#include "engine/task_names.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string>
#include <vector>

#include "base/excerpt.h"
#include "base/suggestion.h"
#include "nestvec/tasks.h"

namespace nestvec {
namespace {

constexpr std::size_t kLongestName = 64;
// What PEFT calls a model without one of its adapters.
constexpr std::string_view kBaseTask = "base";

// What a text is embedded for.
enum class Purpose { kQuery, kPassage, kClustering, kClassification, kSimilarity };

struct Alias {
  std::string_view name;  // in lower case, "." between words
  Purpose purpose;
};

// Names of Jina, Cohere, NVIDIA NIM, Voyage, Google, Nomic and sentence-transformers.
constexpr std::array<Alias, 26> kAliases = {{
    {"retrieval.query", Purpose::kQuery},
    {"query", Purpose::kQuery},
    {"queries", Purpose::kQuery},
    {"search.query", Purpose::kQuery},
    {"question.answering", Purpose::kQuery},
    {"fact.verification", Purpose::kQuery},
    {"code.retrieval.query", Purpose::kQuery},
    {"retrieval.passage", Purpose::kPassage},
    {"passage", Purpose::kPassage},
    {"passages", Purpose::kPassage},
    {"retrieval.document", Purpose::kPassage},
    {"document", Purpose::kPassage},
    {"documents", Purpose::kPassage},
    {"search.document", Purpose::kPassage},
    {"corpus", Purpose::kPassage},
    {"separation", Purpose::kClustering},
    {"clustering", Purpose::kClustering},
    {"classification", Purpose::kClassification},
    {"text.matching", Purpose::kSimilarity},
    {"semantic.similarity", Purpose::kSimilarity},
    {"sentence.similarity", Purpose::kSimilarity},
    {"text.similarity", Purpose::kSimilarity},
    {"similarity", Purpose::kSimilarity},
    {"matching", Purpose::kSimilarity},
    {"semantic.textual.similarity", Purpose::kSimilarity},
    {"sts", Purpose::kSimilarity},
}};

std::string canonical(std::string_view name) {
  std::string result(name);
  for (char& c : result) {
    c = c == '_' || c == '-' || c == ' '
            ? '.'
            : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return result;
}

const Alias* find_alias(std::string_view canonical_name) {
  const auto alias = std::ranges::find(kAliases, canonical_name, &Alias::name);
  return alias == kAliases.end() ? nullptr : &*alias;
}

// `what` is "task" or "prompt".
Error unknown_name(std::string_view what, std::span<const TaskInfo> tasks, std::string_view name) {
  std::vector<std::string> known;
  std::string list;
  for (const TaskInfo& task : tasks) {
    known.push_back(task.name);
    list += task.name + ", ";
  }
  list += kNoneTask;
  known.emplace_back(kNoneTask);
  if (what == "task") {
    for (const Alias& alias : kAliases) known.emplace_back(alias.name);
  }
  const bool slip = find_alias(canonical(name)) == nullptr;
  const std::string nearest = slip ? nearest_word(name, known) : "";
  const std::string hint = nearest.empty() ? "; this" : "; did you mean \"" + nearest + "\"? This";
  return Error(ErrorCode::kInvalidArgument,
               one_line("unknown " + std::string(what) + " \"" + excerpt(name) + "\"" + hint +
                        " model has " + list));
}

}  // namespace

const TaskInfo* same_task(std::span<const TaskInfo> tasks, std::string_view name) {
  const auto find = [&](auto same) -> const TaskInfo* {
    const auto task = std::ranges::find_if(tasks, same);
    return task == tasks.end() ? nullptr : &*task;
  };
  if (const TaskInfo* task = find([&](const TaskInfo& own) { return own.name == name; })) {
    return task;
  }
  if (name.size() > kLongestName) return nullptr;
  const std::string wanted = canonical(name);
  const auto spelled = [&](const TaskInfo& own) { return canonical(own.name) == wanted; };
  if (const TaskInfo* task = find(spelled)) return task;
  const Alias* alias = find_alias(wanted);
  if (alias == nullptr) return nullptr;
  return find([&](const TaskInfo& own) {
    const Alias* other = find_alias(canonical(own.name));
    return other != nullptr && other->purpose == alias->purpose;
  });
}

const TaskInfo* task_for(std::span<const TaskInfo> tasks, std::string_view name) {
  if (name == kNoneTask) return nullptr;
  if (const TaskInfo* task = same_task(tasks, name)) return task;
  if (name.size() > kLongestName) throw unknown_name("task", tasks, name);
  const std::string wanted = canonical(name);
  if (wanted == kNoneTask) return nullptr;
  const bool adapters = std::ranges::any_of(tasks, &TaskInfo::adapter);
  if (adapters && wanted == kBaseTask) return nullptr;
  if (adapters || find_alias(wanted) == nullptr) throw unknown_name("task", tasks, name);
  return nullptr;
}

std::string find_task(const ModelInfo& model, std::string_view name) {
  if (name.empty()) return "";
  const TaskInfo* task = task_for(model.tasks, name);
  return task == nullptr ? std::string(kNoneTask) : task->name;
}

std::string find_prompt(const ModelInfo& model, std::string_view name) {
  if (name.empty()) return "";
  if (canonical(name) == kNoneTask) return std::string(kNoneTask);
  const TaskInfo* task = same_task(model.tasks, name);
  if (task == nullptr) throw unknown_name("prompt", model.tasks, name);
  return task->name;
}

}  // namespace nestvec
