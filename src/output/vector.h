// SPDX-License-Identifier: Apache-2.0
// From a pooled row to the vector a caller gets: cut, check, normalise.
#pragma once

#include <cstddef>
#include <span>

namespace nestvec {

struct ModelInfo;

// Dimensions that a call may ask for at most.
std::size_t most_dimensions(const ModelInfo& model);

// Throws Error kInvalidArgument unless 1 <= dimensions <= width. The message also names the
// `trained` dimensions (Matryoshka, arXiv:2205.13147), where the model has some.
void check_dimensions(std::size_t dimensions, std::size_t width,
                      std::span<const std::size_t> trained = {});

bool all_finite(std::span<const float> values);

// LayerNorm without weights: the mean 0 and the variance 1, with torch's epsilon of 1e-5.
void layer_normalise(std::span<float> row);

// out = the first out.size() values of `pooled`, divided by their L2 norm if `normalize` (a norm of
// zero leaves them as they are). The norm is accumulated in double. `index` names the row in
// errors. Throws Error kInternal for a row that is not finite: such a vector never leaves the
// library.
void finish_vector(std::span<const float> pooled, bool normalize, std::size_t index,
                   std::span<float> out);

}  // namespace nestvec
