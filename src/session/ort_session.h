// SPDX-License-Identifier: Apache-2.0
// A Session on ONNX Runtime's CPU provider for graphs of stock ops: published exports as they are,
// and the portable graphs that nestvec compiles.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "base/token_types.h"
#include "ops/pool.h"
#include "session/graph_io.h"
#include "session/session.h"

namespace nestvec {

struct OrtSessionOptions {
  std::string graph_path;          // model.onnx; external data beside it
  std::size_t threads = 1;         // of ONNX Runtime's pool; they do not spin between runs
  std::int32_t pad_id = 0;         // fills padded positions, which the mask hides
  std::size_t first_position = 0;  // of a sequence's first token, for graphs that take positions
  TokenTypes token_types = {};     // for graphs that take types
  std::size_t width = 0;           // what token embeddings must have, by the model's files; 0 = any
  bool scores = false;             // rows are the outputs of the classifier on the encoder
  SideOutputs side = {};           // of a graph that nestvec compiled
  PoolKind pool = PoolKind::kMean;  // what a row is of the tokens of its span
};

// Loads and optimises the graph, and runs two short sequences, which shows whether it takes several
// at once: exporters may fix a size without declaring it. Blocks. Throws Error: kNotFound,
// kDataLoss (not an ONNX file, or truncated external data), kInvalidArgument (inputs or outputs
// that are not understood, a graph that cannot run a short sequence).
std::unique_ptr<Session> open_ort_session(const OrtSessionOptions& options);

// ONNX Runtime's version, "1.32.0".
std::string onnxruntime_version();

}  // namespace nestvec
