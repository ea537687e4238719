// SPDX-License-Identifier: Apache-2.0
// What a folder says of heads beside config.json: bge-m3's two, SPLADE's, scores by logits, and a
// classifier that its weights alone tell of.
#pragma once

#include <string>

#include "compile/model_spec.h"

namespace nestvec {

class JsonValue;

// bge-m3's heads, by what they give: FOLDER/sparse_linear.pt and FOLDER/colbert_linear.pt, or the
// same as .safetensors. As the model's own code, they count only together; else both are empty.
struct TokenHeadFiles {
  std::string weights;  // a weight for each token
  std::string vectors;  // a vector for each token
};
TokenHeadFiles find_token_heads(const std::string& folder);

// Adds to `spec` the heads of bge-m3 whose files are there, the masked language model's of a model
// whose modules.json has a SpladePooling, that of read_logit_score, and the classifier of a family
// that publishes it unnamed. `config` is config.json.
// Throws Error: kUnimplemented (SPLADE of a family without such a head, or with a pooling that is
// not known; heads beside adapters), kInvalidArgument (a broken file), kDataLoss (a damaged one).
void read_heads(const std::string& folder, const JsonValue& config, ModelSpec& spec);

}  // namespace nestvec
