// SPDX-License-Identifier: Apache-2.0
#include "settings.h"

#include <algorithm>

#include "config/reader.h"

namespace nestvec {

ModelConfig read_settings_of(const std::string& model, const std::string& config,
                             const std::map<std::string, std::string>& settings) {
  ModelConfig out = config.empty() ? config_for_model("") : read_config(config);
  for (const auto& [argument, value] : settings) {
    std::string name = argument;
    std::replace(name.begin(), name.end(), '_', '-');
    apply_setting(name, value, argument, out);
  }
  if (!model.empty()) out.checkpoints.repo_id = model;
  return out;
}

}  // namespace nestvec
