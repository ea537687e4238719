// SPDX-License-Identifier: Apache-2.0
// What a published graph makes of its inputs: embeddings, and the mask of attention.
#pragma once

#include <string>
#include <string_view>
#include <unordered_set>

#include "compile/encoder_weights.h"
#include "compile/model_spec.h"
#include "compile/published_graph.h"

namespace nestvec {

class PublishedInputs {
 public:
  // Masks add, or put, at most this where a token is left out.
  static constexpr double kLeast = -1e4;

  PublishedInputs(const PublishedGraph& graph, const ModelSpec& spec, const EncoderWeights& weights)
      : graph_(graph), spec_(spec), weights_(weights) {}

  // How `value` differs from the normalised sum of words, types and positions; empty where it does
  // not.
  std::string embeddings_difference(std::string_view value) const;
  // Whether `value` only leaves out the tokens that attention_mask does: it is made of it and of
  // shapes, with the constants of a mask, and does not compare the tokens' places.
  bool is_mask(std::string_view value);

 private:
  std::string table_difference(std::string_view gathered,
                               std::unordered_set<std::string>& seen) const;
  std::string positions_difference(std::string_view index) const;
  std::string_view index_source(std::string_view index) const;
  bool is_mask_node(const OnnxNode& node) const;

  const PublishedGraph& graph_;
  const ModelSpec& spec_;
  const EncoderWeights& weights_;
  std::unordered_set<std::string_view> mask_;  // values that were looked at
};

}  // namespace nestvec
