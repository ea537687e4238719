// SPDX-License-Identifier: Apache-2.0
// Pooling: one row of a range of token embeddings.
#pragma once

#include <cstddef>
#include <span>

namespace nestvec {

// The mean; the sum divided by the square root of the number of tokens; the mean weighted by each
// token's place in its text, which counts from 1 (SGPT, arXiv:2202.08904); the largest value of
// each column.
enum class PoolKind { kMean, kMeanSqrtLength, kWeightedMean, kMax };

// row[k] = mean over the tokens of tokens[i * width + k], accumulated in double. `tokens` is
// [n, width], row-major, n = tokens.size() / width; an empty range gives zeros (the reference
// divides by max(n, 1e-9), which does the same). row.size() is the width.
void pool_mean(std::span<const float> tokens, std::span<float> row);

// The same for any kind. The first token stands behind `place` others of its text.
void pool(PoolKind kind, std::span<const float> tokens, std::size_t place, std::span<float> row);

// The weight of so many tokens behind `place` others, by which the rows of parts of a range make
// the row of all of it (but for kMax): the sum of weight * row, divided by that of all parts, or
// for kMeanSqrtLength by the root of the sum of their squares.
double pool_weight(PoolKind kind, std::size_t tokens, std::size_t place);

}  // namespace nestvec
