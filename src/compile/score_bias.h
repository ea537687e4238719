// SPDX-License-Identifier: Apache-2.0
// Tables of what is added to scores by distance.
#pragma once

#include <cstddef>
#include <vector>

#include "compile/encoder_weights.h"
#include "compile/graph.h"

namespace nestvec {

// The slope of each head (ALiBi, arXiv:2108.12409): a geometric sequence, for a number of heads
// that is no power of two with every other slope of the next one behind.
std::vector<float> alibi_slopes(std::size_t heads);

// The bucket of a key that stands `distance` behind its query, as in T5 and MPNet: of 32, half for
// each side, where eight are of one distance and the others grow until 128.
std::size_t distance_bucket(std::ptrdiff_t distance);
inline constexpr std::size_t kDistanceBuckets = 32;

// [heads, 2 positions - 1]: element j - i + positions - 1 belongs to a query at i and a key at j.
// `weights` must outlive it. Precondition: the block has a score bias.
Payload score_bias_table(const EncoderWeights& weights, const ModelSpec& spec,
                         std::size_t positions);

}  // namespace nestvec
