// SPDX-License-Identifier: Apache-2.0
// XLM-RoBERTa (arXiv:1911.02116), RoBERTa and CamemBERT: BERT's block, whose positions begin behind
// the padding row.
#include "compile/families/bert_block.h"
#include "compile/families/family.h"

namespace nestvec {
namespace {

ModelSpec read_xlm_roberta(const JsonValue& config) {
  BertDefaults defaults = kRobertaDefaults;
  ModelSpec spec = read_bert_block(config, defaults);
  read_position_table(config, defaults, spec);
  check_bert_heads(config, spec);
  return spec;
}

}  // namespace

// jina-embeddings-v3 says the same of itself, and stands before it.
const Family kXlmRoberta = {
    .name = "xlm-roberta",
    .also = "roberta, camembert",
    .matches = is_roberta,
    .read = read_xlm_roberta,
    .classifier = {.outputs = "classifier.out_proj", .dense = "classifier.dense"}};

}  // namespace nestvec
