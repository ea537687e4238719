// SPDX-License-Identifier: Apache-2.0
// A list of str to several kinds of vectors, in one pass.
#pragma once

#include <nanobind/nanobind.h>

#include "encode.h"
#include "nestvec/model.h"

namespace nestvec {

// A pair: the vectors, and the indices of texts that lost tokens. The vectors are three, each None
// where `arguments.options` does not ask for it: dense ones, float32 [texts, dimensions]; sparse
// ones as a CSR matrix has them (int64 [texts + 1] where each begins, int32 [entries] token ids,
// float32 [entries] weights); and for each text float32 [tokens, width] in a list. Of `arguments`
// batch_tokens has no effect. Blocks without the GIL. Throws as encode().
nanobind::tuple encode_kinds(const Model& model, nanobind::sequence texts,
                             EncodeArguments arguments);

}  // namespace nestvec
