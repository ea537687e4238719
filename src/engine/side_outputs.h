// SPDX-License-Identifier: Apache-2.0
// Sparse weights and vectors of tokens, which heads give beside a model's dense vector or in place
// of it.
#pragma once

#include <cstddef>
#include <vector>

#include "batch/packed_batch.h"
#include "compile/model_spec.h"
#include "engine/job.h"
#include "nestvec/model.h"
#include "session/session.h"
#include "tokenizer/tokenizer.h"

namespace nestvec {

// What the graph of a model gives.
SideOutputs side_outputs(const ModelSpec& spec, const Tokenizer& tokenizer);

// Says in `info` what the heads give. A model with a vocabulary head has no dense vector.
void describe_sides(const HeadSpec& head, ModelInfo& info);

// Throws Error kInvalidArgument for a kind of vector that the model does not have, none at all, and
// sparse or token vectors of chunks that are read together.
void check_kinds(const EmbedOptions& options, const ModelInfo& info);

// Leaves in a planned sequence what is wanted of it. Vectors of tokens begin behind the first,
// which stands for the whole text.
void choose_kinds(const EmbedOptions& options, Sequence& sequence);

// Bytes that the heads' results of such sequences take at most.
std::size_t most_side_bytes(const SideOutputs& side, const std::vector<Sequence>& sequences);

// Moves the results of all sequences to the answer.
void take_sides(const EmbedOptions& options, const SideOutputs& side,
                std::vector<SequenceOutput>& outputs, Embeddings& out);

// Bytes that they take there.
std::size_t side_bytes(const Embeddings& out);

}  // namespace nestvec
