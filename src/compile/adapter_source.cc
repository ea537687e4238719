// SPDX-License-Identifier: Apache-2.0
#include "compile/adapter_source.h"

#include <algorithm>
#include <cstring>

#include "nestvec/error.h"

namespace nestvec {
namespace {

bool is_of_head(const std::string& module) {
  return module.find("pooler.") != std::string::npos || module.ends_with("lm_head") ||
         module.find("cls.predictions.") != std::string::npos;
}

// Whatever types the two have.
bool same_values(const TensorView& a, const TensorView& b) {
  constexpr std::size_t kBlock = 1 << 16;
  if (a.shape != b.shape) return false;
  std::vector<float> left(kBlock);
  std::vector<float> right(kBlock);
  for (std::size_t first = 0; first < a.elements(); first += kBlock) {
    const std::size_t count = std::min(kBlock, a.elements() - first);
    read_as_float(a, first, std::span(left).first(count));
    read_as_float(b, first, std::span(right).first(count));
    if (std::memcmp(left.data(), right.data(), count * sizeof(float)) != 0) return false;
  }
  return true;
}

}  // namespace

bool AdapterSource::is_word_table(const WeightSet& set, const TensorView& tensor) const {
  const std::string_view words = base_names_.naming->words;
  const std::string ending = std::string(words) + ".base_layer.weight";
  if (!tensor.name.ends_with(ending)) return false;
  const TensorView* own = base_.find(base_names_.module(words) + ".weight");
  if (own != nullptr && same_values(tensor, *own)) return true;
  throw Error(ErrorCode::kUnimplemented,
              set.source() + ": tensor " + tensor.name +
                  " is not the word table of the model, and an adapter with its own is not "
                  "supported; merge the adapter into the weights (peft: merge_and_unload)");
}

void AdapterSource::check_all_used() const {
  for (const Folder& folder : folders_) {
    for (const TensorView& tensor : folder.set->tensors()) {
      const std::string module = tensor.name.substr(0, tensor.name.find(".lora_"));
      if (folder.used.contains(module) || is_of_head(module) || is_word_table(*folder.set, tensor))
        continue;
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
