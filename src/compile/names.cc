// SPDX-License-Identifier: Apache-2.0
#include "compile/names.h"

#include <algorithm>
#include <initializer_list>
#include <utility>
#include <vector>

#include "nestvec/error.h"

namespace nestvec {
namespace {

constexpr std::array<Naming, 12> kNamings = {{
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
    {.publication = "EuroBERT or Qwen3",
     .words = "embed_tokens",
     .types = "",
     .positions = "",
     .norm = "",
     .layer = "layers.",
     .qkv = {"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"},
     .attention_out = "self_attn.o_proj",
     .attention_norm = "input_layernorm",
     .feed_in = "mlp.up_proj",
     .feed_out = "mlp.down_proj",
     .feed_norm = "post_attention_layernorm",
     .feed_gate = "mlp.gate_proj",
     .query_norm = "self_attn.q_norm",
     .key_norm = "self_attn.k_norm",
     .final_norm = "norm"},
    {.publication = "ModernBERT",
     .words = "embeddings.tok_embeddings",
     .types = "",
     .positions = "",
     .norm = "embeddings.norm",
     .layer = "layers.",
     .qkv = {"attn.Wqkv", "", ""},
     .attention_out = "attn.Wo",
     .attention_norm = "attn_norm",
     .feed_in = "mlp.Wi",
     .feed_out = "mlp.Wo",
     .feed_norm = "mlp_norm",
     .final_norm = "final_norm"},
    {.publication = "DistilBERT",
     .words = "embeddings.word_embeddings",
     .types = "",
     .positions = "embeddings.position_embeddings",
     .norm = "embeddings.LayerNorm",
     .layer = "transformer.layer.",
     .qkv = {"attention.q_lin", "attention.k_lin", "attention.v_lin"},
     .attention_out = "attention.out_lin",
     .attention_norm = "sa_layer_norm",
     .feed_in = "ffn.lin1",
     .feed_out = "ffn.lin2",
     .feed_norm = "output_layer_norm"},
    {.publication = "nomic-embed-text",
     .words = "embeddings.word_embeddings",
     .types = "embeddings.token_type_embeddings",
     .positions = "",
     .norm = "emb_ln",
     .layer = "encoder.layers.",
     .qkv = {"attn.Wqkv", "", ""},
     .attention_out = "attn.out_proj",
     .attention_norm = "norm1",
     .feed_in = "mlp.fc11",
     .feed_out = "mlp.fc2",
     .feed_norm = "norm2",
     .feed_gate = "mlp.fc12"},
    {.publication = "gte",
     .words = "embeddings.word_embeddings",
     .types = "embeddings.token_type_embeddings",
     .positions = "",
     .norm = "embeddings.LayerNorm",
     .layer = "encoder.layer.",
     .qkv = {"attention.qkv_proj", "", ""},
     .attention_out = "attention.o_proj",
     .attention_norm = "attn_ln",
     .feed_in = "mlp.up_gate_proj",
     .feed_out = "mlp.down_proj",
     .feed_norm = "mlp_ln"},
    {.publication = "MPNet",
     .words = "embeddings.word_embeddings",
     .types = "",
     .positions = "embeddings.position_embeddings",
     .norm = "embeddings.LayerNorm",
     .layer = "encoder.layer.",
     .qkv = {"attention.attn.q", "attention.attn.k", "attention.attn.v"},
     .attention_out = "attention.attn.o",
     .attention_norm = "attention.LayerNorm",
     .feed_in = "intermediate.dense",
     .feed_out = "output.dense",
     .feed_norm = "output.LayerNorm",
     .score_bias = "encoder.relative_attention_bias"},
    {.publication = "jina-embeddings-v2",
     .words = "embeddings.word_embeddings",
     .types = "embeddings.token_type_embeddings",
     .positions = "",
     .norm = "embeddings.LayerNorm",
     .layer = "encoder.layer.",
     .qkv = {"attention.self.query", "attention.self.key", "attention.self.value"},
     .attention_out = "attention.output.dense",
     .attention_norm = "attention.output.LayerNorm",
     .feed_in = "mlp.gated_layers",
     .feed_out = "mlp.wo",
     .feed_norm = "mlp.layernorm"},
    {.publication = "jina-embeddings-v2-base-code",
     .words = "embeddings.word_embeddings",
     .types = "embeddings.token_type_embeddings",
     .positions = "",
     .norm = "embeddings.LayerNorm",
     .layer = "encoder.layer.",
     .qkv = {"attention.self.query", "attention.self.key", "attention.self.value"},
     .attention_out = "attention.output.dense",
     .attention_norm = "attention.output.LayerNorm",
     .feed_in = "mlp.up_gated_layer",
     .feed_out = "mlp.down_layer",
     .feed_norm = "layer_norm_2",
     .query_norm = "attention.self.layer_norm_q",
     .key_norm = "attention.self.layer_norm_k",
     .attention_second_norm = "layer_norm_1"},
    {.publication = "Gemma 3",
     .words = "embed_tokens",
     .types = "",
     .positions = "",
     .norm = "",
     .layer = "layers.",
     .qkv = {"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"},
     .attention_out = "self_attn.o_proj",
     .attention_norm = "input_layernorm",
     .feed_in = "mlp.up_proj",
     .feed_out = "mlp.down_proj",
     .feed_norm = "pre_feedforward_layernorm",
     .feed_gate = "mlp.gate_proj",
     .query_norm = "self_attn.q_norm",
     .key_norm = "self_attn.k_norm",
     .attention_second_norm = "post_attention_layernorm",
     .feed_second_norm = "post_feedforward_layernorm",
     .final_norm = "norm"},
}};

// A model may stand inside another (a head on top), and PEFT puts two wrappers around either.
constexpr std::array<std::string_view, 10> kInside = {
    "",     "bert.",       "roberta.", "model.",  "xlm_roberta.", "distilbert.",
    "new.", "nomic_bert.", "mpnet.",   "electra."};
constexpr std::string_view kWrappers = "base_model.model.";

std::vector<std::string> known_prefixes() {
  std::vector<std::string> prefixes(kInside.begin(), kInside.end());
  for (const std::string_view inside : kInside) {
    prefixes.push_back(std::string(kWrappers) + std::string(inside));
  }
  return prefixes;
}

// The known prefixes, and what the file itself has before its word table: exporters put a model
// into whatever they call it.
std::vector<std::string> prefixes_of(const WeightSet& weights) {
  constexpr std::size_t kMostOwn = 8;  // encoders in one file; none but damaged ones has more
  std::vector<std::string> prefixes = known_prefixes();
  const std::size_t known = prefixes.size();
  const std::string words = std::string(kNamings[0].words) + ".";
  for (const TensorView& tensor : weights.tensors()) {
    const std::size_t length = tensor.name.find(words);
    const bool follows =
        length != std::string::npos && length > 0 && tensor.name[length - 1] == '.';
    if (!follows) continue;
    std::string prefix = tensor.name.substr(0, length);
    if (std::find(prefixes.begin(), prefixes.end(), prefix) != prefixes.end()) continue;
    prefixes.push_back(std::move(prefix));
    if (prefixes.size() == known + kMostOwn) break;
  }
  return prefixes;
}

bool is_own(std::string_view prefix) {
  if (prefix.starts_with(kWrappers)) prefix.remove_prefix(kWrappers.size());
  return std::ranges::find(kInside, prefix) == kInside.end();
}

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
  for (const std::string_view name :
       {naming.qkv[0], naming.attention_out, naming.attention_norm, naming.feed_in, naming.feed_out,
        naming.feed_norm, naming.feed_second_norm}) {
    // Twice the weight of the words, which all publications call the same.
    if (!name.empty() && has_tensor_of(weights, names.layer_module(0, name))) hits += 2;
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
  std::string rival;           // as good as the best, and nothing says which is meant
  const std::vector<std::string> prefixes = prefixes_of(weights);
  for (const Naming& naming : kNamings) {
    for (const std::string& prefix : prefixes) {
      const ModuleNames names{&naming, prefix};
      const std::size_t hits = score(weights, names);
      if (hits > best_score) {
        best = names;
        best_score = hits;
        rival.clear();
      } else if (hits == best_score && best.naming == &naming && is_own(prefix) &&
                 is_own(best.prefix)) {
        rival = prefix;
      }
    }
  }
  if (!rival.empty()) {
    throw Error(ErrorCode::kInvalidArgument, weights.source() + ": holds two encoders, \"" +
                                                 best.prefix + "\" and \"" + rival +
                                                 "\"; keep the tensors of one");
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
  throw Error(ErrorCode::kInvalidArgument, weights.source() + ": unknown tensor names; expected " +
                                               expected + "; found " + found);
}

ModuleNames find_adapter_names(const WeightSet& weights, const Naming& base) {
  try {
    return find_names(weights);
  } catch (const Error&) {
    for (const std::string& prefix : known_prefixes()) {
      const std::string stem = prefix + std::string(base.layer);
      for (const TensorView& tensor : weights.tensors()) {
        if (tensor.name.starts_with(stem)) return {&base, prefix};
      }
    }
    throw;
  }
}

}  // namespace nestvec
