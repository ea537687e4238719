// SPDX-License-Identifier: Apache-2.0
#include "settings.h"

#include <algorithm>

#include "base/environment.h"
#include "config/reader.h"
#include "nestvec/error.h"

namespace nestvec {

ModelConfig read_settings_of(const std::string& model, const std::string& config,
                             const std::map<std::string, std::string>& settings) {
  ModelConfig out = config.empty() ? config_for_model("") : read_config(config);
  for (const auto& [argument, value] : settings) {
    std::string name = argument;
    std::replace(name.begin(), name.end(), '_', '-');
    apply_setting(name, value, argument, out);
  }
  std::string& name = out.checkpoints.repo_id;
  if (!model.empty()) name = model;
  if (name.empty()) name = process_environment()("NESTVEC_MODEL").value_or("");
  if (!name.empty()) return out;
  throw Error(ErrorCode::kInvalidArgument,
              "no model was named: pass a folder or OWNER/NAME, or config=\"config.yaml\", or set "
              "NESTVEC_MODEL");
}

}  // namespace nestvec
