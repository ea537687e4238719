// SPDX-License-Identifier: Apache-2.0
// What a config.json with these members says of a model.
#pragma once

#include <string>

#include "base/json.h"
#include "compile/model_spec.h"
#include "support/error_of.h"

namespace nestvec {

// Of a small model, for those that need nothing of their own.
inline const std::string kSizes =
    R"("vocab_size":100,"hidden_size":64,"num_hidden_layers":2,"num_attention_heads":4,)"
    R"("intermediate_size":128,"max_position_embeddings":130)";

inline ModelSpec spec_of(const std::string& members) {
  const JsonDocument document = JsonDocument::parse("{" + members + "}", "config.json");
  return parse_model_spec(document.root());
}

inline ModelSpec with(const std::string& members) { return spec_of(kSizes + "," + members); }

inline std::string complaint(const std::string& members) {
  return coded_error_of([&] { spec_of(members); });
}

}  // namespace nestvec
