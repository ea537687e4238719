// SPDX-License-Identifier: Apache-2.0
// ELECTRA's discriminator (arXiv:2003.10555): BERT's encoder without a pooler.
#include "compile/config_keys.h"
#include "compile/families/bert_block.h"
#include "compile/families/family.h"

namespace nestvec {
namespace {

bool is_electra(const JsonValue& config) { return is_kind(config, "electra", "Electra"); }

ModelSpec read_electra(const JsonValue& config) {
  ModelSpec spec = read_bert_block(config, {});
  read_position_table(config, {}, spec);
  check_bert_heads(config, spec);
  const std::size_t width = size_or(config, "embedding_size", 1 << 16, 128);
  if (width != spec.hidden) {
    throw unsupported(config, "embeddings of another width (embedding_size " +
                                  std::to_string(width) + ") than hidden_size " +
                                  std::to_string(spec.hidden) + " are not supported");
  }
  return spec;
}

void read_electra_head(const JsonValue&, HeadSpec::Classifier& head) {
  head.activation = Activation::kGelu;
}

}  // namespace

const Family kElectra = {
    .name = "electra",
    .matches = is_electra,
    .read = read_electra,
    .classifier = {
        .outputs = "classifier.out_proj", .dense = "classifier.dense", .read = read_electra_head}};

}  // namespace nestvec
