// SPDX-License-Identifier: Apache-2.0
#include "base/environment.h"

#include <cstdlib>

#include "base/platform.h"

namespace nestvec {

Environment process_environment() {
  return [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    if (value == nullptr || *value == '\0') return std::nullopt;
    return value;
  };
}

std::vector<std::string> process_variables(std::string_view prefix) {
  std::vector<std::string> names;
  for (char** entry = environment_block(); entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view name =
        std::string_view(*entry).substr(0, std::string_view(*entry).find('='));
    if (name.starts_with(prefix)) names.emplace_back(name);
  }
  return names;
}

}  // namespace nestvec
