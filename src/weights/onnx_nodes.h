// SPDX-License-Identifier: Apache-2.0
// Gives back the names that exporters take from weights: torch.onnx writes the weight of a linear
// layer transposed, as a constant "onnx::MatMul_1234", and leaves only the bias its name.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace nestvec {

// A parameter under the name that PyTorch knows it by, and the initializer that holds it.
struct ImpliedWeight {
  std::string name;         // "encoder.layer.0.output.dense.weight"
  std::string initializer;  // "onnx::MatMul_310"
  bool transposed = false;  // the initializer is [in, out]
};

// The nodes of one graph, as far as they lie between an initializer and the bias of its layer.
// Keeps views into the messages that were added.
class OnnxNodes {
 public:
  // More of these nodes than any encoder has would only fill memory.
  static constexpr std::size_t kMaxNodes = 1u << 18;

  // Adds a NodeProto. Throws Error kDataLoss for bytes that are none, and beyond kMaxNodes; `path`
  // stands in its text.
  void add(std::span<const std::byte> message, const std::string& path);

  // For every bias "M.bias" that is added to a product with an initializer: "M.weight", unless that
  // name is taken. For every Identity of an initializer, by which exporters say that two parameters
  // are equal: its output. A name that would mean two things is left out.
  std::vector<ImpliedWeight> implied_weights(const std::set<std::string_view>& initializers) const;

 private:
  enum class Kind { kProduct, kGemm, kSum, kTranspose, kIdentity, kCast };

  struct Node {
    Kind kind = Kind::kSum;
    std::array<std::string_view, 3> inputs;
    std::string_view output;
    bool transposes_b = false;  // Gemm
    bool is_plain = true;       // attributes leave it what its kind says, on two axes
  };

  struct Source {
    std::string_view initializer;
    bool transposed = false;
  };

  static std::optional<Kind> kind_of(std::string_view op);
  static void read_attribute(std::span<const std::byte> message, const std::string& path,
                             Node& node);
  const Node* producer(std::string_view value) const;
  // The node that made `value`, Identity and Cast being looked through.
  const Node* maker(std::string_view value) const;
  std::string_view bias_name(std::string_view value) const;
  std::optional<Source> source_of(std::string_view value,
                                  const std::set<std::string_view>& initializers) const;
  std::optional<ImpliedWeight> implied_by(const Node& node,
                                          const std::set<std::string_view>& initializers) const;

  std::vector<Node> nodes_;
  std::unordered_map<std::string_view, std::size_t> producers_;  // by output
};

}  // namespace nestvec
