// SPDX-License-Identifier: Apache-2.0
#include "server/check_names.h"

#include <string>
#include <vector>

#include "nestvec/model.h"
#include "service/model_name.h"

namespace nestvec {

void check_names(std::span<const ModelEntry> models) {
  for (std::size_t i = 0; i < models.size(); ++i) {
    std::vector<std::string> names = models[i].aliases;
    names.push_back(models[i].config.model.id);
    for (const ModelEntry& earlier : models.first(i)) {
      ModelInfo other;
      other.id = earlier.config.model.id;
      refuse_names_of(names, other, earlier.aliases);
    }
  }
}

}  // namespace nestvec
