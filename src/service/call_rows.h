// SPDX-License-Identifier: Apache-2.0
// What the model has given for the calls of a request.
#pragma once

#include <span>
#include <vector>

#include "nestvec/model.h"

namespace nestvec {

// What came of a call. Of one for token vectors or scores `rows` has no values, only what they
// took: the tokens of each text or pair, which of them were cut, the time.
struct CallRows {
  Embeddings rows;
  std::vector<TokenEmbeddings> tokens;  // one a text
  Scores scores = {};                   // of a ScoreCall
};

// Rows of several calls as if they came from one.
Embeddings join_rows(std::vector<Embeddings> parts);
// The same without values: what the calls took.
Embeddings taken_by(std::span<const CallRows> calls);

// What texts whose tokens have vectors, or pairs, took: rows without values.
Embeddings without_values(const std::vector<TokenEmbeddings>& texts);
Embeddings without_values(const Scores& scores);

}  // namespace nestvec
