// SPDX-License-Identifier: Apache-2.0
// EuroBERT (arXiv:2503.05500): Llama's block in which every token sees every other.
#include <optional>

#include "base/excerpt.h"
#include "compile/config_keys.h"
#include "compile/families/family.h"
#include "compile/families/llama_block.h"

namespace nestvec {
namespace {

bool is_eurobert(const JsonValue& config) { return is_kind(config, "eurobert", "EuroBert"); }

// Its own code takes a base of 250,000 where config.json has none, transformers 10,000.
ModelSpec read_eurobert(const JsonValue& config) {
  ModelSpec spec = read_llama_block(config, {.rotary_base = std::nullopt, .norm_epsilon = 1e-5});
  spec.block.causal = flag_or(config, "is_causal", false);
  return spec;
}

// Its first publications call the key clf_pooling.
void read_eurobert_head(const JsonValue& config, HeadSpec::Classifier& head) {
  const char* const key = config.find("classifier_pooling") ? "classifier_pooling" : "clf_pooling";
  const std::string pooling = text_or(config, key, "late");
  if (!is_one_of(pooling, {"bos", "mean", "late"})) {
    throw unsupported(config.at(key),
                      "\"" + excerpt(pooling) + "\" is not supported; bos, mean and late are");
  }
  head.activation = Activation::kGelu;
  if (pooling == "bos") return;
  head.pooling = pooling == "mean" ? HeadPooling::kMean : HeadPooling::kLate;
}

}  // namespace

const Family kEuroBert = {
    .name = "eurobert",
    .matches = is_eurobert,
    .read = read_eurobert,
    .classifier = {.outputs = "classifier", .dense = "dense", .read = read_eurobert_head}};

}  // namespace nestvec
