// SPDX-License-Identifier: Apache-2.0
// Divides the sequences of one call into batches of at most so many tokens.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace nestvec {

// Batches of indices into `lengths`: longest first, so that neighbours have like lengths and
// sessions whose graph wants rectangles find them; within a batch at most `max_tokens` tokens, but
// at least one sequence. Sequences of equal length keep their order. O(n log n).
std::vector<std::vector<std::size_t>> plan_batches(std::span<const std::size_t> lengths,
                                                   std::size_t max_tokens);

}  // namespace nestvec
