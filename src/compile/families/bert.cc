// SPDX-License-Identifier: Apache-2.0
// BERT (arXiv:1810.04805).
#include "compile/config_keys.h"
#include "compile/families/bert_block.h"
#include "compile/families/family.h"

namespace nestvec {
namespace {

bool is_bert(const JsonValue& config) { return is_kind(config, "bert", "Bert"); }

ModelSpec read_bert(const JsonValue& config) {
  ModelSpec spec = read_bert_block(config, {});
  read_position_table(config, {}, spec);
  check_bert_heads(config, spec);
  return spec;
}

}  // namespace

const Family kBert = {
    .name = "bert",
    .matches = is_bert,
    .read = read_bert,
    .classifier = {.outputs = "classifier", .dense = "pooler.dense", .dense_inside = true}};

}  // namespace nestvec
