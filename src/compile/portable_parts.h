// SPDX-License-Identifier: Apache-2.0
// Pieces of a layer in stock operators of ONNX and ONNX Runtime.
#pragma once

#include <cstddef>
#include <string>

#include "compile/graph.h"
#include "compile/model_spec.h"
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

// What a classifier reads of tokens [batch, tokens, H], [batch, H]. `padded`: of the tokens that
// the graph's input attention_mask does not leave out.
std::string pooled_rows(GraphBuilder& graph, HeadPooling pooling, const std::string& tokens,
                        bool padded);

// log(1 + x) of what is over 0.
std::string log_scale(GraphBuilder& graph, const std::string& x, const std::string& name);

struct HeadCounts {
  std::size_t queries;
  std::size_t keys;
  std::size_t width;
};

// Each head of x [batch, tokens, keys width] as often as queries read it.
std::string repeat_heads(GraphBuilder& graph, const HeadCounts& counts, const std::string& name,
                         const std::string& x);

}  // namespace nestvec
