// SPDX-License-Identifier: Apache-2.0
#include "compile/encoder_weights.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "compile/adapter_source.h"
#include "compile/families/family.h"
#include "compile/names.h"
#include "compile/read_heads.h"
#include "nestvec/error.h"
#include "weights/model_weights.h"
#include "weights/peft_adapter.h"
#include "weights/safetensors.h"
#include "weights/torch_file.h"

namespace nestvec {
namespace {

// Parameterised modules keep their weight under another name.
const TensorView& find_weight(const WeightSet& set, const std::string& module,
                              const TensorShape& shape) {
  const std::string parametrized = module + ".parametrizations.weight.original";
  if (set.find(parametrized) != nullptr) return set.at(parametrized, shape);
  return set.at(module + ".weight", shape);
}

// LayerNorm's tensors had TensorFlow's names once.
NormWeights find_norm(const WeightSet& set, const std::string& module, const BlockSpec& block,
                      std::size_t hidden) {
  const bool biased = block.norm == NormKind::kLayer && block.norm_biases;
  if (!biased) return {set.at(module + ".weight", tensor_shape(hidden)), {}};
  const bool old_names = set.find(module + ".gamma") != nullptr;
  return {set.at(module + (old_names ? ".gamma" : ".weight"), tensor_shape(hidden)),
          set.at(module + (old_names ? ".beta" : ".bias"), tensor_shape(hidden))};
}

// The layer's module that a naming calls so.
auto one(std::string_view Naming::* field) {
  return [field](const Naming& naming) { return std::vector<std::string_view>{naming.*field}; };
}

// Finds everything in one base file with one naming.
class Finder {
 public:
  Finder(const ModelSpec& spec, const WeightSet& base, const ModuleNames& names,
         const AdapterSource& adapters)
      : spec_(spec), base_(base), names_(names), adapters_(adapters) {}

  TableWeights table(const std::string& name, std::string_view Naming::* field,
                     std::size_t rows) const {
    const auto pick = [field](const Naming& naming) { return naming.*field; };
    const std::string module = names_.module(pick(*names_.naming));
    return {name, rows, spec_.hidden, find_weight(base_, module, tensor_shape(rows, spec_.hidden)),
            adapters_.table(pick, rows, spec_.hidden)};
  }

  TensorView positions() const {
    if (spec_.positions != PositionKind::kAbsolute) return {};
    const std::size_t rows = spec_.position_offset + spec_.max_positions;
    return find_weight(base_, names_.module(names_.naming->positions),
                       tensor_shape(rows, spec_.hidden));
  }

  TensorView score_bias() const {
    if (spec_.block.score_bias != ScoreBias::kBuckets) return {};
    return find_weight(base_, names_.module(names_.naming->score_bias),
                       tensor_shape(spec_.block.score_buckets, spec_.heads));
  }

  NormWeights norm() const {
    const Naming& naming = *names_.naming;
    return find_norm(base_, names_.module(spec_.block.norm_first ? naming.final_norm : naming.norm),
                     spec_.block, spec_.hidden);
  }

  NormWeights embedding_norm() const {
    if (!spec_.block.embedding_norm) return {};
    return find_norm(base_, names_.module(names_.naming->norm), spec_.block, spec_.hidden);
  }

  LayerWeights layer(std::size_t i) const {
    const std::string name = "layer." + std::to_string(i) + ".";
    const std::size_t hidden = spec_.hidden;
    const std::size_t queries = spec_.heads * spec_.head_width();
    const Naming& naming = *names_.naming;
    LayerWeights weights;
    weights.qkv = qkv(name + "qkv", i);
    weights.attention_out = linear({name + "attention_out", i, queries, spec_.block.biases},
                                   one(&Naming::attention_out), {hidden});
    if (i > 0 || !spec_.block.bare_first) {
      weights.attention_norm = norm_of(i, naming.attention_norm, hidden);
    }
    weights.feed_in = feed_in(name + "feed_in", i);
    weights.feed_out = linear({name + "feed_out", i, spec_.intermediate, spec_.block.biases},
                              one(&Naming::feed_out), {hidden});
    weights.feed_norm = norm_of(i, naming.feed_norm, hidden);
    if (spec_.block.head_norms) {
      weights.query_norm = norm_of(i, naming.query_norm, spec_.head_width());
      weights.key_norm = norm_of(i, naming.key_norm, spec_.head_width());
    }
    if (spec_.block.outer_norm || spec_.block.inner_norms) {
      weights.attention_second_norm = norm_of(i, naming.attention_second_norm, hidden);
    }
    if (spec_.block.inner_norms) {
      weights.feed_second_norm = norm_of(i, naming.feed_second_norm, hidden);
    }
    if (spec_.block.joint_norms) {
      weights.query_norm = norm_of(i, naming.query_norm, queries);
      weights.key_norm = norm_of(i, naming.key_norm, spec_.kv_heads() * spec_.head_width());
    }
    return weights;
  }

  HeadWeights::Classifier classifier() const {
    const HeadSpec::Classifier& spec = *spec_.head.classifier;
    const FamilyClassifier& names = find_family(spec_.family)->classifier;
    const std::string head = head_prefix();
    HeadWeights::Classifier weights;
    if (spec.dense) {
      const std::string name(names.dense);
      weights.dense = plain("head.dense", names.dense_inside ? names_.module(name) : head + name,
                            {spec_.hidden, spec_.hidden}, spec.dense_bias);
    }
    if (spec.norm) {
      weights.norm = find_norm(base_, head + std::string(names.norm), spec_.block, spec_.hidden);
    }
    if (spec.tokens.empty()) {
      weights.outputs = plain("head.outputs", head + std::string(names.outputs),
                              {spec_.hidden, spec.outputs}, spec.outputs_bias);
    }
    return weights;
  }

  // What the last hidden state is multiplied with for the difference of two logits, or for one.
  std::vector<float> logit_row() const {
    const HeadSpec::Classifier& spec = *spec_.head.classifier;
    const FamilyClassifier& names = find_family(spec_.family)->classifier;
    const TensorView& table = find_weight(base_,
                                          spec.tied ? names_.module(names_.naming->words)
                                                    : head_prefix() + std::string(names.decoder),
                                          tensor_shape(spec_.vocabulary, spec_.hidden));
    std::vector<float> row(spec_.hidden);
    read_as_float(table, spec.tokens[0] * spec_.hidden, row);
    if (spec.tokens.size() < 2) return row;
    std::vector<float> other(spec_.hidden);
    read_as_float(table, spec.tokens[1] * spec_.hidden, other);
    for (std::size_t i = 0; i < row.size(); ++i) row[i] -= other[i];
    return row;
  }

  HeadWeights::Vocabulary vocabulary() const {
    const bool bert = spec_.family == "bert";
    const std::string head = head_prefix() + (bert ? "cls.predictions." : "lm_head.");
    const std::size_t hidden = spec_.hidden;
    HeadWeights::Vocabulary weights;
    weights.transform =
        plain("head.transform", head + (bert ? "transform.dense" : "dense"), {hidden, hidden});
    weights.norm =
        find_norm(base_, head + (bert ? "transform.LayerNorm" : "layer_norm"), BlockSpec{}, hidden);
    // The bias of the decoder stands under either name.
    const std::string own = head + "decoder.bias";
    const std::string& bias = base_.find(own) != nullptr ? own : head + "bias";
    weights.decoder = {"head.decoder",
                       hidden,
                       spec_.vocabulary,
                       {decoder(head + "decoder.weight")},
                       {base_.at(bias, tensor_shape(spec_.vocabulary))},
                       {}};
    return weights;
  }

 private:
  struct Place {
    std::string name;  // the graph's
    std::size_t layer;
    std::size_t in;
    bool biased;
  };

  LinearWeights qkv(const std::string& name, std::size_t layer) const {
    const auto pick = [](const Naming& naming) {
      if (naming.is_fused()) return std::vector<std::string_view>{naming.qkv[0]};
      return std::vector<std::string_view>(naming.qkv.begin(), naming.qkv.end());
    };
    const std::size_t queries = spec_.heads * spec_.head_width();
    const std::size_t keys = spec_.kv_heads() * spec_.head_width();
    std::vector<std::size_t> rows = {queries, keys, keys};
    if (names_.naming->is_fused()) rows = {queries + 2 * keys};
    return linear({name, layer, spec_.hidden, spec_.block.biases}, pick, rows);
  }

  LinearWeights feed_in(const std::string& name, std::size_t layer) const {
    const bool biased = spec_.block.biases && (!spec_.block.gated || spec_.block.gate_biases);
    const Place place{name, layer, spec_.hidden, biased};
    if (!spec_.block.gated) return linear(place, one(&Naming::feed_in), {spec_.intermediate});
    if (names_.naming->feed_gate.empty()) {
      LinearWeights weights = linear(place, one(&Naming::feed_in), {2 * spec_.intermediate});
      if (spec_.block.gate_last) put_gate_first(weights);
      weights.gated = true;
      return weights;
    }
    const auto both = [](const Naming& naming) {
      return std::vector<std::string_view>{naming.feed_gate, naming.feed_in};
    };
    LinearWeights weights = linear(place, both, {spec_.intermediate, spec_.intermediate});
    weights.gated = true;
    return weights;
  }

  // Of a tensor that holds what a gate lets through, and then the gate.
  void put_gate_first(LinearWeights& weights) const {
    const TensorView both = weights.weight.front();
    weights.weight = {half_of(both, true), half_of(both, false)};
    const std::size_t rows = weights.out / 2;
    for (std::vector<LowRank>& parts : weights.adapters) {
      if (parts.empty()) continue;
      const LowRank whole = parts.front();
      parts = {{whole.down, half_of(whole.up, true), 0, whole.scaling},
               {whole.down, half_of(whole.up, false), rows, whole.scaling}};
    }
  }

  // The second or the first half of a tensor's rows.
  static TensorView half_of(const TensorView& both, bool second) {
    if (both.transposed) {
      throw Error(ErrorCode::kUnimplemented,
                  both.name + ": a gate behind what it lets through is supported in safetensors");
    }
    TensorView half = both;
    half.shape[0] /= 2;
    const std::size_t bytes = both.bytes.size() / 2;
    half.bytes = second ? both.bytes.subspan(bytes) : both.bytes.first(bytes);
    return half;
  }

  // A head stands beside the encoder: "roberta.encoder..." and "classifier...".
  std::string head_prefix() const {
    const std::string& prefix = names_.prefix;
    if (prefix.empty()) return "";
    const std::size_t dot = prefix.find_last_of('.', prefix.size() - 2);
    return dot == std::string::npos ? "" : prefix.substr(0, dot + 1);
  }

  // A tied decoder is the word table, and files leave it out or repeat it.
  TensorView decoder(const std::string& name) const {
    const TensorShape shape = tensor_shape(spec_.vocabulary, spec_.hidden);
    if (!spec_.head.vocabulary->tied) return base_.at(name, shape);
    const TensorView& words = find_weight(base_, names_.module(names_.naming->words), shape);
    const TensorView* own = base_.find(name);
    if (own == nullptr || std::ranges::equal(own->bytes, words.bytes)) return words;
    throw Error(ErrorCode::kUnimplemented,
                base_.source() + ": tensor " + name +
                    " differs from the word table, and config.json says that they are one: set "
                    "tie_word_embeddings to false if the tensor counts, else remove it");
  }

  // A layer without adapters, of one module.
  LinearWeights plain(const std::string& name, const std::string& module,
                      std::pair<std::size_t, std::size_t> sizes, bool biased = true) const {
    LinearWeights weights;
    weights.name = name;
    std::tie(weights.in, weights.out) = sizes;
    weights.weight = {find_weight(base_, module, tensor_shape(weights.out, weights.in))};
    if (biased) weights.bias = {base_.at(module + ".bias", tensor_shape(weights.out))};
    return weights;
  }

  NormWeights norm_of(std::size_t layer, std::string_view name, std::size_t width) const {
    return find_norm(base_, names_.layer_module(layer, name), spec_.block, width);
  }

  template <typename Pick>
  LinearWeights linear(const Place& place, Pick pick, const std::vector<std::size_t>& rows) const {
    const auto modules = [&](const ModuleNames& names) {
      std::vector<std::string> found;
      for (const std::string_view part : pick(*names.naming)) {
        found.push_back(names.layer_module(place.layer, part));
      }
      return found;
    };
    LinearWeights weights;
    weights.name = place.name;
    weights.in = place.in;
    const std::vector<std::string> parts = modules(names_);
    for (std::size_t i = 0; i < parts.size(); ++i) {
      weights.out += rows[i];
      weights.weight.push_back(find_weight(base_, parts[i], tensor_shape(rows[i], weights.in)));
      if (!place.biased) continue;
      weights.bias.push_back(base_.at(parts[i] + ".bias", tensor_shape(rows[i])));
    }
    weights.adapters = adapters_.linear(modules, weights.in, rows);
    return weights;
  }

  const ModelSpec& spec_;
  const WeightSet& base_;
  const ModuleNames& names_;
  const AdapterSource& adapters_;
};

HeadWeights::Classifier find_classifier(const Finder& finder) {
  try {
    return finder.classifier();
  } catch (const Error& error) {
    throw Error(error.code(),
                std::string(error.what()) +
                    "; config.json calls the model a classifier (ForSequenceClassification): to "
                    "embed with its encoder alone, set runtime.pooling to mean, cls or lasttoken");
  }
}

}  // namespace

void EncoderWeights::release(const TensorView& tensor) const {
  for (const WeightSet& set : sets) set.release(tensor);
}

namespace {

// bge-m3's heads, each a file of its own.
void open_token_heads(const ModelSpec& spec, const std::string& folder, EncoderWeights& weights) {
  const TokenHeadFiles files = find_token_heads(folder);
  const auto layer = [&](const char* name, const std::string& file, std::size_t rows) {
    weights.sets.push_back(read_head_weights(file));
    const WeightSet& set = weights.sets.back();
    return LinearWeights{name,
                         spec.hidden,
                         rows,
                         {set.at("weight", tensor_shape(rows, spec.hidden))},
                         {set.at("bias", tensor_shape(rows))},
                         {}};
  };
  weights.head.token_weights = layer("head.token_weights", files.weights, 1);
  weights.head.token_vectors = layer("head.token_vectors", files.vectors, spec.head.token_vectors);
}

}  // namespace

namespace {

// A layer of one output, whose weight is `row`.
LinearWeights logit_layer(std::span<const float> row) {
  LinearWeights layer;
  layer.name = "head.outputs";
  layer.in = row.size();
  layer.out = 1;
  const auto width = static_cast<std::int64_t>(row.size());
  layer.weight = {{"the row of the logits", DataType::kF32, {1, width}, std::as_bytes(row)}};
  return layer;
}

}  // namespace

WeightSet read_head_weights(const std::string& path) {
  return path.ends_with(".pt") ? read_torch_file(path) : read_safetensors(path);
}

EncoderWeights open_encoder_weights(const ModelSpec& spec, const std::string& folder) {
  EncoderWeights weights;
  weights.sets.push_back(read_model_weights(folder));
  for (const std::string& adapter : spec.adapters.folders) {
    weights.sets.push_back(read_peft_weights(adapter));
  }
  const WeightSet& base = weights.sets.front();
  const ModuleNames names = find_names(base);
  AdapterSource adapters(spec, base, names);
  for (std::size_t i = 0; i < spec.adapters.folders.size(); ++i) {
    adapters.add_folder(weights.sets[i + 1], read_peft_config(spec.adapters.folders[i]));
  }
  const Finder finder(spec, base, names, adapters);
  weights.words = finder.table("words", &Naming::words, spec.vocabulary);
  if (spec.token_types > 0) {
    weights.types = finder.table("types", &Naming::types, spec.token_types);
  }
  weights.positions = finder.positions();
  weights.score_bias = finder.score_bias();
  weights.norm = finder.norm();
  weights.embedding_norm = finder.embedding_norm();
  for (std::size_t i = 0; i < spec.layers; ++i) weights.layers.push_back(finder.layer(i));
  adapters.check_all_used();
  if (spec.head.classifier) weights.head.classifier = find_classifier(finder);
  if (spec.head.classifier && !spec.head.classifier->tokens.empty()) {
    weights.logit_row = finder.logit_row();
    weights.head.classifier.outputs = logit_layer(weights.logit_row);
  }
  if (spec.head.vocabulary) weights.head.vocabulary = finder.vocabulary();
  if (spec.head.token_weights) open_token_heads(spec, folder, weights);
  return weights;
}

}  // namespace nestvec
