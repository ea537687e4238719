// SPDX-License-Identifier: Apache-2.0
// MPNet (arXiv:2004.09297): BERT's block, whose scores have one learned bias for all layers by
// distance. Padding is token 1 and buckets are 32 whatever the file says, as in transformers.
#include "compile/config_keys.h"
#include "compile/families/bert_block.h"
#include "compile/families/family.h"
#include "compile/score_bias.h"

namespace nestvec {
namespace {

bool is_mpnet(const JsonValue& config) { return is_kind(config, "mpnet", "MPNet"); }

ModelSpec read_mpnet(const JsonValue& config) {
  const BertDefaults defaults = {.token_types = 0, .pad_id = 1, .counts_from_pad = true};
  ModelSpec spec = read_bert_block(config, defaults);
  spec.token_types = 0;
  spec.pad_id = static_cast<std::int32_t>(defaults.pad_id);
  read_position_table(config, defaults, spec);
  check_bert_heads(config, spec);
  spec.block.score_bias = ScoreBias::kBuckets;
  spec.block.score_buckets =
      size_or(config, "relative_attention_num_buckets", 1 << 12, kDistanceBuckets);
  if (spec.block.score_buckets < kDistanceBuckets) {
    throw config.at("relative_attention_num_buckets").error("expected at least 32");
  }
  return spec;
}

}  // namespace

const Family kMpNet = {
    .name = "mpnet",
    .matches = is_mpnet,
    .read = read_mpnet,
    .classifier = {.outputs = "classifier.out_proj", .dense = "classifier.dense"}};

}  // namespace nestvec
