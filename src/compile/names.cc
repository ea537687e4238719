// SPDX-License-Identifier: Apache-2.0
#include "compile/names.h"

#include <algorithm>
#include <initializer_list>

#include "nestvec/error.h"

namespace nestvec {
namespace {

constexpr std::array<Naming, 3> kNamings = {{
    {.publication = "BERT or XLM-RoBERTa",
     .words = "embeddings.word_embeddings",
     .types = "embeddings.token_type_embeddings",
     .positions = "embeddings.position_embeddings",
     .norm = "embeddings.LayerNorm",
     .layer = "encoder.layer.",
     .qkv = {"attention.self.query", "attention.self.key", "attention.self.value"},
     .attention_out = "attention.output.dense",
     .attention_norm = "attention.output.LayerNorm",
     .feed_in = "intermediate.dense",
     .feed_out = "output.dense",
     .feed_norm = "output.LayerNorm"},
    {.publication = "jina-embeddings-v3",
     .words = "embeddings.word_embeddings",
     .types = "embeddings.token_type_embeddings",
     .positions = "embeddings.position_embeddings",
     .norm = "emb_ln",
     .layer = "encoder.layers.",
     .qkv = {"mixer.Wqkv", "", ""},
     .attention_out = "mixer.out_proj",
     .attention_norm = "norm1",
     .feed_in = "mlp.fc1",
     .feed_out = "mlp.fc2",
     .feed_norm = "norm2"},
    {.publication = "jina-embeddings-v3-hf",
     .words = "embeddings.word_embeddings",
     .types = "embeddings.token_type_embeddings",
     .positions = "embeddings.position_embeddings",
     .norm = "embeddings.LayerNorm",
     .layer = "layers.",
     .qkv = {"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"},
     .attention_out = "self_attn.o_proj",
     .attention_norm = "post_attention_layernorm",
     .feed_in = "mlp.fc1",
     .feed_out = "mlp.fc2",
     .feed_norm = "post_mlp_layernorm"},
}};

// A model may stand inside another (a head on top), and PEFT puts two wrappers around it.
constexpr std::array<std::string_view, 10> kPrefixes = {"",
                                                        "bert.",
                                                        "roberta.",
                                                        "model.",
                                                        "xlm_roberta.",
                                                        "base_model.model.",
                                                        "base_model.model.bert.",
                                                        "base_model.model.roberta.",
                                                        "base_model.model.model.",
                                                        "base_model.model.xlm_roberta."};

bool has_tensor_of(const WeightSet& weights, const std::string& module) {
  const std::string stem = module + ".";
  const auto& tensors = weights.tensors();
  const auto place = std::lower_bound(
      tensors.begin(), tensors.end(), stem,
      [](const TensorView& tensor, const std::string& wanted) { return tensor.name < wanted; });
  return place != tensors.end() && place->name.starts_with(stem);
}

std::size_t score(const WeightSet& weights, const ModuleNames& names) {
  const Naming& naming = *names.naming;
  std::size_t hits = has_tensor_of(weights, names.module(naming.words)) ? 1 : 0;
  for (const std::string_view name : {naming.qkv[0], naming.attention_out, naming.attention_norm,
                                      naming.feed_in, naming.feed_out, naming.feed_norm}) {
    // Twice the weight of the words, which all publications call the same.
    if (has_tensor_of(weights, names.layer_module(0, name))) hits += 2;
  }
  return hits;
}

}  // namespace

std::span<const Naming> namings() { return kNamings; }

std::string ModuleNames::layer_module(std::size_t layer, std::string_view name) const {
  return prefix + std::string(naming->layer) + std::to_string(layer) + "." + std::string(name);
}

ModuleNames find_names(const WeightSet& weights) {
  ModuleNames best;
  std::size_t best_score = 1;  // the words alone do not tell the publications apart
  for (const Naming& naming : kNamings) {
    for (const std::string_view prefix : kPrefixes) {
      const ModuleNames names{&naming, std::string(prefix)};
      const std::size_t hits = score(weights, names);
      if (hits > best_score) {
        best = names;
        best_score = hits;
      }
    }
  }
  if (best.naming != nullptr) return best;
  std::string expected;
  for (const Naming& naming : kNamings) {
    const ModuleNames names{&naming, ""};
    if (!expected.empty()) expected += ", ";
    expected +=
        names.layer_module(0, naming.attention_out) + " (" + std::string(naming.publication) + ")";
  }
  const std::string found =
      weights.tensors().empty() ? "no tensors" : "for example " + weights.tensors().front().name;
  throw Error(ErrorCode::kInvalidArgument, weights.source() +
                                               ": tensor names of no known publication; expected " +
                                               expected + "; found " + found);
}

}  // namespace nestvec
