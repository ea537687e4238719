// SPDX-License-Identifier: Apache-2.0
#include "compile/adapter_source.h"

#include <cstring>

#include "nestvec/error.h"

namespace nestvec {
namespace {

bool is_of_head(const std::string& module) {
  return module.find("pooler.") != std::string::npos || module.ends_with("lm_head") ||
         module.find("cls.predictions.") != std::string::npos;
}

}  // namespace

void AdapterSource::check_all_used() const {
  for (const Folder& folder : folders_) {
    for (const TensorView& tensor : folder.set->tensors()) {
      const std::string module = tensor.name.substr(0, tensor.name.find(".lora_"));
      if (folder.used.contains(module) || is_of_head(module)) continue;
      throw Error(ErrorCode::kInvalidArgument,
                  folder.set->source() + ": tensor " + tensor.name +
                      " updates a module that this model does not have, or that takes no adapter; "
                      "merge the adapter into the weights (peft: merge_and_unload)");
    }
  }
}

void AdapterSource::share_down(std::vector<LowRank>& parts) {
  for (LowRank& part : parts) {
    const std::span<const std::byte> first = parts.front().down.bytes;
    const std::span<const std::byte> own = part.down.bytes;
    const bool equal =
        first.size() == own.size() &&
        (first.data() == own.data() || std::memcmp(first.data(), own.data(), own.size()) == 0);
    if (equal) part.down = parts.front().down;
  }
}

}  // namespace nestvec
