// SPDX-License-Identifier: Apache-2.0
// Pooling: the mean of a range of token embeddings.
#pragma once

#include <cstddef>
#include <span>

namespace nestvec {

// row[k] = mean over the tokens of tokens[i * width + k], accumulated in double. `tokens` is
// [n, width], row-major, n = tokens.size() / width; an empty range gives zeros (the reference
// divides by max(n, 1e-9), which does the same). row.size() is the width.
void pool_mean(std::span<const float> tokens, std::span<float> row);

}  // namespace nestvec
