// SPDX-License-Identifier: Apache-2.0
// What the publications of an encoder call its modules.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "weights/weight_set.h"

namespace nestvec {

// One publication's module names. Those of a layer stand behind "LAYER{i}.".
struct Naming {
  std::string_view publication;  // for messages
  std::string_view words;
  std::string_view types;
  std::string_view positions;
  std::string_view norm;
  std::string_view layer;
  std::array<std::string_view, 3> qkv;  // one name where the projections are one tensor
  std::string_view attention_out;
  std::string_view attention_norm;
  std::string_view feed_in;
  std::string_view feed_out;
  std::string_view feed_norm;
  // Of families that have them; empty where the publication has none.
  std::string_view feed_gate{};
  std::string_view query_norm{};
  std::string_view key_norm{};
  std::string_view attention_second_norm{};
  std::string_view feed_second_norm{};
  std::string_view final_norm{};  // of no layer, as the next
  std::string_view score_bias{};

  bool is_fused() const noexcept { return qkv[1].empty(); }
};

// Transformers' BERT and XLM-RoBERTa, the original jina-embeddings-v3, its transformers-native
// form, and Llama's kin.
std::span<const Naming> namings();

// Module names in one file: a naming and what stands before every name ("roberta.").
struct ModuleNames {
  const Naming* naming = nullptr;
  std::string prefix;

  std::string module(std::string_view name) const { return prefix + std::string(name); }
  std::string layer_module(std::size_t layer, std::string_view name) const;
};

// The naming and prefix that fit the file best, by which modules of the first layer and the
// embeddings have a tensor there. Throws Error kInvalidArgument when none fits, with the names that
// were looked for, or two fit that stand below names of the file's own.
ModuleNames find_names(const WeightSet& weights);

// The same of an adapter's file, which may update a few modules of a few layers: where find_names
// finds nothing, the naming of its base below the prefix that its tensors have. Throws Error
// kInvalidArgument as find_names.
ModuleNames find_adapter_names(const WeightSet& weights, const Naming& base);

}  // namespace nestvec
