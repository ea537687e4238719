// SPDX-License-Identifier: Apache-2.0
#include "compile/families/family.h"

#include <algorithm>
#include <array>

#include "compile/config_keys.h"

namespace nestvec {

std::span<const Family> families() {
  static const auto kAll = std::to_array<Family>({kJinaV2, kBert, kJinaV3, kXlmRoberta, kJinaV5,
                                                  kEuroBert, kQwen3, kModernBert, kDistilBert,
                                                  kNomicBert, kGte, kMpNet, kGemma3, kElectra});
  return kAll;
}

const Family& family_of(const JsonValue& config) {
  std::string names;
  for (const Family& family : families()) {
    if (family.matches(config)) return family;
    names += (names.empty() ? "" : ", ") + std::string(family.name);
    if (!family.also.empty()) names += ", " + std::string(family.also);
  }
  throw unsupported(config, "the family (model_type \"" + text_or(config, "model_type", "") +
                                "\", architecture \"" + first_architecture(config) +
                                "\") is not supported; " + names + " are");
}

const Family* find_family(std::string_view name) {
  const auto all = families();
  const auto found = std::ranges::find(all, name, &Family::name);
  return found == all.end() ? nullptr : &*found;
}

std::vector<AdapterTask> adapter_tasks(std::string_view family,
                                       const std::vector<std::string>& adapters) {
  std::vector<AdapterTask> tasks;
  std::vector<bool> used(adapters.size());
  const Family* const known = find_family(family);
  for (const FamilyTask& task : known == nullptr ? std::span<const FamilyTask>() : known->tasks) {
    const auto place = std::ranges::find(adapters, task.adapter);
    if (place == adapters.end()) continue;
    const auto adapter = static_cast<std::size_t>(place - adapters.begin());
    tasks.push_back(
        {std::string(task.name), adapter, std::string(task.prompt_name), std::string(task.prompt)});
    used[adapter] = true;
  }
  for (std::size_t i = 0; i < adapters.size(); ++i) {
    if (!used[i]) tasks.push_back({adapters[i], i, adapters[i], ""});
  }
  return tasks;
}

}  // namespace nestvec
