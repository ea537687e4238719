// SPDX-License-Identifier: Apache-2.0
// What the graph of an ONNX file computes: its nodes, and the small constants that they take.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace nestvec {

// An initializer, or what a Constant node gives.
struct OnnxConstant {
  bool is_float = false;
  std::uint64_t elements = 1;  // 2^64 - 1 where the shape is impossible
  // The elements, where there are at most kShown and the file itself holds them; else none.
  std::vector<double> values;

  static constexpr std::uint64_t kShown = 16;
};

struct OnnxAttribute {
  std::string_view name;
  double number = 0.0;  // of a float or an integer
  std::string_view text;
  std::vector<std::int64_t> integers;  // the first kShown of a list
};

struct OnnxNode {
  std::string_view op;
  std::string_view domain;  // empty: ONNX's own
  std::vector<std::string_view> inputs;
  std::vector<std::string_view> outputs;
  std::vector<OnnxAttribute> attributes;

  const OnnxAttribute* attribute(std::string_view name) const;
  double number_or(std::string_view name, double fallback) const;
};

// A graph's output; `axes` is -1 where no shape is declared.
struct OnnxOutput {
  std::string_view name;
  bool is_float = false;
  int axes = -1;
};

// Views into the bytes that were parsed.
struct OnnxTopology {
  std::vector<OnnxNode> nodes;  // in the order of the file; Constants are left out
  std::vector<OnnxOutput> outputs;
  std::unordered_map<std::string_view, OnnxConstant> constants;
};

// Reads an ONNX file that is in memory, of each node and of the outputs the first 64 parts. `path`
// stands in errors. Throws Error kDataLoss for bytes that are no ONNX model, and for one of over
// 262,144 nodes or tensors.
OnnxTopology parse_onnx_topology(std::span<const std::byte> file, const std::string& path);

}  // namespace nestvec
