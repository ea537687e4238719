// SPDX-License-Identifier: Apache-2.0
#include "compile/published_inputs.h"

#include <cstddef>
#include <vector>

namespace nestvec {

std::string PublishedInputs::embeddings_difference(std::string_view value) const {
  constexpr std::size_t kTables = 3;
  const double epsilon = static_cast<double>(spec_.layer_norm_eps);
  const std::string_view sum = graph_.norm_input(value, weights_.norm, epsilon);
  if (sum.empty()) return "the normalisation of its embeddings is another";
  std::unordered_set<std::string> seen;
  std::vector<std::string_view> open = {sum};
  while (!open.empty() && open.size() <= kTables) {
    const std::string_view one = open.back();
    open.pop_back();
    if (const OnnxNode* node = graph_.maker(one, "Add"); node != nullptr) {
      open.insert(open.end(), node->inputs.begin(), node->inputs.end());
    } else if (std::string why = table_difference(one, seen); !why.empty()) {
      return why;
    }
  }
  return seen.size() == kTables && open.empty() ? "" : "its embeddings are another sum";
}

// One row of a table for each token.
std::string PublishedInputs::table_difference(std::string_view gathered,
                                              std::unordered_set<std::string>& seen) const {
  const OnnxNode* node = graph_.maker(gathered, "Gather");
  if (node == nullptr || node->inputs.size() != 2 || node->number_or("axis", 0) != 0) {
    return "its embeddings are another sum";
  }
  const std::string_view index = index_source(node->inputs[1]);
  for (const TensorView* table :
       {&weights_.words.table, &weights_.types.table, &weights_.positions}) {
    if (!graph_.is_vector(node->inputs[0], *table)) continue;
    if (!seen.insert(table->name).second) return "its embeddings are another sum";
    if (table == &weights_.positions) return positions_difference(index);
    if (table == &weights_.words.table)
      return index == "input_ids" ? "" : "its words are no input_ids";
    const bool same = index == "token_type_ids" || spec_.token_types < 2 || !spec_.text_types.any();
    return same && !graph_.is_hidden(index) ? ""
                                            : "its token types are others than tokenizer.json's";
  }
  return "its embeddings have a table that is none of the encoder's";
}

std::string PublishedInputs::positions_difference(std::string_view index) const {
  if (index == "position_ids" && graph_.is_input(index)) return "";
  const OnnxNode* node = graph_.producer(index);
  const bool sum = node != nullptr && is_any_of(node->op, {"Add", "Sub", "Mul", "CumSum"});
  bool fits = !sum && spec_.position_offset == 0;
  if (spec_.position_offset > 0 && sum && node->op == "Add" && node->inputs.size() == 2) {
    const double first = static_cast<double>(spec_.position_offset) - 1;
    fits = graph_.scalar(node->inputs[0]) == first || graph_.scalar(node->inputs[1]) == first;
  }
  return fits && !graph_.is_hidden(index) ? "" : "its positions are counted in another way";
}

// Ids may be cast to another type of integers.
std::string_view PublishedInputs::index_source(std::string_view index) const {
  constexpr int kMostCasts = 8;
  for (int step = 0; step < kMostCasts; ++step) {
    const OnnxNode* node = graph_.producer(index);
    if (node == nullptr || !is_any_of(node->op, {"Cast", "Identity"})) break;
    index = node->inputs[0];
  }
  return index;
}

bool PublishedInputs::is_mask_node(const OnnxNode& node) const {
  if (node.op == "Sub") return graph_.scalar(node.inputs[0]) == 1.0;
  if (is_any_of(node.op, {"Greater", "GreaterOrEqual"})) {
    return node.inputs.size() == 2 && graph_.scalar(node.inputs[1]).has_value();
  }
  return is_any_of(node.op, {"Add",
                             "And",
                             "Cast",
                             "Concat",
                             "ConstantOfShape",
                             "Equal",
                             "Expand",
                             "Gather",
                             "GatherElements",
                             "GatherND",
                             "Identity",
                             "Flatten",
                             "Mul",
                             "Not",
                             "Or",
                             "Range",
                             "Reshape",
                             "Slice",
                             "Squeeze",
                             "Tile",
                             "Unsqueeze",
                             "Where"});
}

bool PublishedInputs::is_mask(std::string_view value) {
  std::vector<std::string_view> open = {value};
  while (!open.empty()) {
    const std::string_view one = open.back();
    open.pop_back();
    if (one.empty() || graph_.is_input(one) || !mask_.insert(one).second) continue;
    const auto constant = graph_.topology().constants.find(one);
    if (constant != graph_.topology().constants.end()) {
      const OnnxConstant& found = constant->second;
      const bool known = found.values.size() == 1 && found.elements == 1;
      const double number = known ? found.values[0] : 0.5;
      if (found.is_float && number != 0 && number != 1 && number > kLeast) return false;
      continue;
    }
    const OnnxNode* node = graph_.producer(one);
    if (node == nullptr) return false;
    if (is_any_of(node->op, {"Shape", "Size"})) continue;
    if (!is_mask_node(*node)) return false;
    open.insert(open.end(), node->inputs.begin(), node->inputs.end());
  }
  return true;
}

}  // namespace nestvec
