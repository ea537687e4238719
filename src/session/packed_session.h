// SPDX-License-Identifier: Apache-2.0
// A Session for packed graphs: one run of the graph for a whole batch, any lengths and any tasks,
// without padding.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "ops/isa.h"
#include "ops/pool.h"
#include "session/session.h"

namespace nestvec {

struct Compute;

struct PackedSessionOptions {
  std::string graph_path;   // model.onnx; weights beside it, which are mapped
  std::size_t threads = 1;  // of the one pool that all operators share, where `compute` is null
  Isa isa = Isa::kGeneric;
  bool scores = false;  // rows are the outputs of the classifier that stands on the encoder
  SideOutputs side = {};
  PoolKind pool = PoolKind::kMean;  // what a row is of the tokens of its span
  // Of all sessions that the thread that runs this one runs.
  std::shared_ptr<Compute> compute = nullptr;
};

// Blocks. Throws Error: kNotFound, kDataLoss (not such a graph, or truncated).
std::unique_ptr<Session> open_packed_session(const PackedSessionOptions& options);

}  // namespace nestvec
