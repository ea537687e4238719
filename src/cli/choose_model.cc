// SPDX-License-Identifier: Apache-2.0
#include "cli/choose_model.h"

#include <string>
#include <vector>

#include "base/excerpt.h"
#include "config/local_models.h"
#include "config/model_location.h"
#include "nestvec/error.h"

namespace nestvec {
namespace {

constexpr const char* kSmallModel = "all-MiniLM-L6-v2";

// What `id` would be as the name of a model; empty where it does not look like one.
std::string meant_model(const std::string& id) {
  if (id.find('/') != std::string::npos) return id;
  const std::vector<std::string> likely = likely_repositories(id);
  return likely.empty() ? "" : likely.front();
}

Error id_alone(const std::string& id, const Environment& environment) {
  const std::string meant = meant_model(id);
  return Error(ErrorCode::kInvalidArgument,
               "--model-id (model.id) \"" + excerpt(id) +
                   "\" is only the name that clients see, and no model was named" +
                   (meant.empty() ? "; add --model" : "; did you mean --model " + meant + "?") +
                   " (" + listing(local_models(environment)) + ")");
}

Error no_model(const std::vector<LocalModel>& models) {
  if (models.empty()) {
    return Error(ErrorCode::kNotFound,
                 "no model was named, and there is no model on this machine; `make quickstart` "
                 "fetches a small one, nestvec pull OWNER/NAME any other");
  }
  return Error(ErrorCode::kNotFound,
               "no model was named; add --model or set NESTVEC_MODEL; " + listing(models));
}

}  // namespace

bool choose_model(ModelConfig& config, const Environment& environment) {
  std::string& name = config.checkpoints.repo_id;
  if (name.empty()) name = environment("NESTVEC_MODEL").value_or("");
  if (!name.empty()) {
    name = full_model_name(name, environment);
    return true;
  }
  if (!config.model.id.empty() && config.model.id != kSmallModel) {
    throw id_alone(config.model.id, environment);
  }
  const std::vector<LocalModel> models = local_models(environment);
  for (const LocalModel& model : models) {
    if (model.name == kSmallModel) name = model.folder;
  }
  if (name.empty()) throw no_model(models);
  return false;
}

}  // namespace nestvec
