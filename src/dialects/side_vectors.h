// SPDX-License-Identifier: Apache-2.0
// Sparse vectors and vectors of tokens as JSON, which stand beside a dense vector or alone.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "base/pace.h"
#include "nestvec/results.h"
#include "output/embedding_format.h"

namespace nestvec {

// {"indices":[...],"values":[...]} of a row.
void append_sparse_vector(const SparseVectors& rows, std::size_t row, std::string& out, Pace& pace);

// The form of vectors of tokens beside dense ones in these forms: base64 where it is one of them,
// else numbers.
EmbeddingFormat token_vector_format(std::span<const EmbeddingFormat> dense);

// A list of the row's vectors.
void append_multi_vector(const MultiVectors& rows, std::size_t row, EmbeddingFormat format,
                         std::string& out, Pace& pace);

}  // namespace nestvec
