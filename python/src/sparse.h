// SPDX-License-Identifier: Apache-2.0
// A list of str to learned sparse vectors.
#pragma once

#include <nanobind/nanobind.h>

#include "encode.h"
#include "nestvec/model.h"

namespace nestvec {

// A pair: the rows as a CSR matrix has them (int64 [texts + 1] where each begins, int32 [entries]
// token ids, float32 [entries] weights), and the indices of texts that lost tokens. Of `arguments`
// dimensions, normalize, late_chunking and batch_tokens have no effect. Blocks without the GIL.
// Throws as encode().
nanobind::tuple encode_sparse(const Model& model, nanobind::sequence texts,
                              EncodeArguments arguments);

}  // namespace nestvec
