// SPDX-License-Identifier: Apache-2.0
// A static map from byte strings to small numbers that answers "which keys are prefixes of this
// text" with one memory access a byte: a double-array trie (Aoe, "An efficient digital search
// algorithm by using a double-array structure", 1989), with the child's label as the check and
// XOR as the step.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace nestvec {

// Immutable after construction; safe for concurrent use.
class DoubleArray {
 public:
  struct Key {
    std::string_view bytes;
    std::uint32_t value;
  };
  static constexpr std::uint32_t kNoValue = (1U << 28) - 1;

  // An empty map.
  DoubleArray();
  // Of any keys in any order; of equal keys the last one counts, the empty key is left out.
  // Throws Error kInvalidArgument for a value of kNoValue or more and for more than 2^27 nodes.
  explicit DoubleArray(std::span<const Key> keys);

  // Where a walk stands: a node by value. Starts at root().
  using Node = std::uint64_t;
  Node root() const noexcept { return root_; }
  // Goes along `byte`; false (and `node` useless) where no key continues so.
  bool step(Node& node, char byte) const noexcept {
    const auto label = static_cast<std::uint8_t>(byte);
    node = units_[((node >> kBaseShift) & kBaseMask) ^ label];
    return (node & kCheckMask) == (kUsed | label);
  }
  // The same without a branch: where no key continues, dead_end(), from which nothing leads on.
  Node step_or_dead(Node node, char byte) const noexcept {
    const auto label = static_cast<std::uint8_t>(byte);
    node = units_[((node >> kBaseShift) & kBaseMask) ^ label];
    return (node & kCheckMask) == (kUsed | label) ? node : dead_end();
  }
  static Node dead_end() noexcept { return static_cast<Node>(kNoValue) << kValueShift; }
  static bool is_dead(Node node) noexcept { return node == dead_end(); }
  // The value of the key that ends at `node`, or kNoValue.
  static std::uint32_t value(Node node) noexcept {
    return static_cast<std::uint32_t>(node >> kValueShift);
  }
  // Goes along all of `bytes`.
  bool walk(Node& node, std::string_view bytes) const noexcept;
  // The value of a key, or kNoValue.
  std::uint32_t find(std::string_view key) const noexcept;

  std::size_t memory_bytes() const noexcept { return units_.size() * sizeof(Node); }

 private:
  friend class DoubleArrayBuilder;
  // A unit: label (8 bits), used (1), base of the children (27), value (28).
  static constexpr Node kUsed = 1U << 8;
  static constexpr Node kCheckMask = (1U << 9) - 1;
  static constexpr unsigned kBaseShift = 9;
  static constexpr Node kBaseMask = (1U << 27) - 1;
  static constexpr unsigned kValueShift = 36;

  std::vector<Node> units_;  // the first 256 are unused: a node without children has base 0
  Node root_;
};

}  // namespace nestvec
