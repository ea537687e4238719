// SPDX-License-Identifier: Apache-2.0
// Qwen3 (arXiv:2505.09388) and Qwen3-Embedding: Llama's block with norms of queries and keys.
#include "compile/config_keys.h"
#include "compile/families/family.h"
#include "compile/families/llama_block.h"

namespace nestvec {
namespace {

// One linear layer without a bias, on the last token.
void read_qwen3_head(const JsonValue&, HeadSpec::Classifier& head) {
  head.activation = Activation::kNone;
  head.pooling = HeadPooling::kLast;
  head.dense = false;
  head.outputs_bias = false;
}

}  // namespace

const Family kQwen3 = {
    .name = "qwen3",
    .matches = [](const JsonValue& config) { return is_kind(config, "qwen3", "Qwen3"); },
    .read =
        [](const JsonValue& config) {
          ModelSpec spec = read_llama_block(config, {.rotary_base = 10000.0, .norm_epsilon = 1e-6});
          spec.block.head_norms = true;
          // Models that were trained further without the mask say so in one of
          // two ways.
          spec.block.causal = flag_or(config, "is_causal", true) &&
                              !flag_or(config, "use_bidirectional_attention", false);
          return spec;
        },
    .classifier = {.outputs = "score", .decoder = "lm_head", .read = read_qwen3_head}};

}  // namespace nestvec
