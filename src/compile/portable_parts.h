// SPDX-License-Identifier: Apache-2.0
// Pieces of a layer in stock operators of ONNX and ONNX Runtime.
#pragma once

#include <cstddef>
#include <string>

#include "compile/graph.h"
#include "ops/activation.h"

namespace nestvec {

std::string bare_activation(GraphBuilder& graph, Activation kind, const std::string& name,
                            const std::string& x);

// activation(x + bias).
std::string biased_activation(GraphBuilder& graph, Activation kind, const std::string& name,
                              const std::string& x, const std::string& bias);

// What is added to scores, [1, 1, tokens, tokens]: 0 up to `window` positions away, beyond it the
// lowest float.
std::string window_bias(GraphBuilder& graph, const std::string& ids, std::size_t window);

// The matrix [1, heads, tokens, tokens] of what is added to scores, from a table of distances
// (score_bias.h) for texts of up to `positions` tokens.
std::string score_bias_matrix(GraphBuilder& graph, const std::string& ids, const std::string& table,
                              std::size_t positions);

// The rows of a table of positions that ids [batch, tokens] stand at: from the first on, or as
// RoBERTa counts.
struct PositionRows {
  std::string table;
  std::size_t offset;  // the first token's row; 0: the table's rows in order
  std::int32_t pad_id;
};
std::string position_rows(GraphBuilder& graph, const std::string& ids, const PositionRows& rows);

struct HeadCounts {
  std::size_t queries;
  std::size_t keys;
  std::size_t width;
};

// Each head of x [batch, tokens, keys width] as often as queries read it.
std::string repeat_heads(GraphBuilder& graph, const HeadCounts& counts, const std::string& name,
                         const std::string& x);

}  // namespace nestvec
