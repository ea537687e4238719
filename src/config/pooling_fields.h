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
              "How token embeddings become a vector; auto = as the model's files say (see "
              "models.md), or the mean where they do not.",
              {"auto", "mean", "cls", "lasttoken"}},
        runtime.pooling);
  visit(Field{"runtime",
              "normalize",
              "normalize",
              FieldKind::kChoice,
              "Whether vectors are scaled to length 1 unless a request says; auto = as the model's "
              "files say, or true where they do not.",
              {"auto", "true", "false"}},
        runtime.normalize);
}

}  // namespace nestvec
