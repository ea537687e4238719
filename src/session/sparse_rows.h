// SPDX-License-Identifier: Apache-2.0
// What heads compute for tokens and vocabularies, as sparse rows and unit vectors.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "session/session.h"

namespace nestvec {

// Every weight over 0 of a vocabulary, [V]. A weight that is not a number stays, so that it shows.
TokenWeights vocabulary_row(std::span<const float> weights);

// For each id of a text but those in `dropped` (ascending) the largest weight of its tokens, where
// that is over 0. `weights` has one for each of `ids`.
TokenWeights token_row(std::span<const std::uint32_t> ids, std::span<const float> weights,
                       std::span<const std::uint32_t> dropped);

// Scales rows of `width` numbers to L2 norm 1; a row of zeros stays.
void normalise_vectors(std::span<float> rows, std::size_t width);

}  // namespace nestvec
