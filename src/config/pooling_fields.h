// SPDX-License-Identifier: Apache-2.0
// The keys of `runtime:` about how tokens become a vector, as part of the table in config/fields.h.
#pragma once

#include "config/field.h"

namespace nestvec {

template <typename Section, typename Visitor>
void visit_pooling_fields(Section& runtime, Visitor& visit) {
  visit(Field{"runtime",
              "pooling",
              "pooling",
              FieldKind::kChoice,
              "How token embeddings become one vector. auto does what the model's files say (see "
              "models.md), and takes the mean if they say nothing.",
              {"auto", "mean", "cls", "lasttoken", "max", "mean_sqrt_len_tokens", "weightedmean"}},
        runtime.pooling);
  visit(
      Field{"runtime",
            "normalize",
            "normalize",
            FieldKind::kChoice,
            "Whether vectors are scaled to length 1 if a request does not say. auto does what the "
            "model's files say, and scales if they say nothing.",
            {"auto", "true", "false"}},
      runtime.normalize);
  visit(Field{"runtime", "matryoshka_layer_norm", "matryoshka-layer-norm", FieldKind::kSwitch,
              "Put vectors that are cut to fewer dimensions through a LayerNorm without weights "
              "before the cut. nomic-embed-text-v1.5 was trained for that, and no file of it says "
              "so."},
        runtime.matryoshka_layer_norm);
}

}  // namespace nestvec
