// SPDX-License-Identifier: Apache-2.0
// A list of str to the embeddings of their tokens.
#pragma once

#include <nanobind/nanobind.h>

#include "encode.h"
#include "nestvec/model.h"

namespace nestvec {

// The tokens of one text as Python has them: ids, names, ranges of code points in `text`, each a
// list with one entry a token. `ranges` are in bytes of `text`.
nanobind::tuple describe_tokens(const Model& model, std::string_view text,
                                const std::vector<std::uint32_t>& ids,
                                const std::vector<std::pair<std::uint32_t, std::uint32_t>>& ranges);

// A pair: a list with a tuple for each text (float32 [tokens, width] that owns its memory, what
// describe_tokens says, whether the text lost tokens), and the indices of texts that lost tokens.
// Of `arguments` dimensions, normalize, late_chunking and batch_tokens have no effect. Blocks
// without the GIL. Throws as encode().
nanobind::tuple embed_tokens(const Model& model, nanobind::sequence texts,
                             EncodeArguments arguments);

}  // namespace nestvec
