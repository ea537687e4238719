// SPDX-License-Identifier: Apache-2.0
// How nodes read their weights and attributes, once.
#pragma once

#include <onnxruntime_cxx_api.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "nestvec/error.h"
#include "ops/linear.h"

namespace nestvec {

// An input of a node: what it is called in messages, its type, and whether it may be absent.
struct NodeInput {
  const char* name = "";
  ONNXTensorElementDataType type = ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED;  // any
  bool optional = false;
  const char* layer = "";  // stands before the name, where a node has several
};

using TensorShape = std::vector<std::int64_t>;
// "[5, 64]", for messages.
std::string describe_shape(const TensorShape& shape);

// What an attribute of a node may be, both ends included. Products of a few such numbers fit 64
// bits, so that a size can be computed before it is compared with the weight's.
struct AttributeRange {
  std::int64_t least = 0;
  std::int64_t most = 0;
};
inline constexpr AttributeRange kAnyWidth = {1, 1 << 20};
inline constexpr AttributeRange kAnyVocabulary = {1, 1 << 26};
inline constexpr AttributeRange kAnyTasks = {0, 1 << 12};
inline constexpr AttributeRange kAnyRank = {0, 1 << 12};
inline constexpr AttributeRange kAnyPosition = {0, 1 << 30};
inline constexpr AttributeRange kFlag = {0, 1};

// The constants of a node, which are foreign bytes: a graph is data. All of these throw Error
// kDataLoss that names the node, the attribute or input, what was expected and what was found.
// Pointers stay valid as long as the session.
class NodeReader {
 public:
  NodeReader(const OrtKernelInfo* info, std::span<const NodeInput> inputs)
      : info_(info), inputs_(inputs) {}

  std::size_t size(const std::string& attribute, const AttributeRange& range) const;
  std::int64_t integer(const std::string& attribute) const;
  // An attribute that graphs written before it was known do not have: 0 then.
  std::size_t size_or_zero(const std::string& attribute, const AttributeRange& range) const;
  // The same for a number that is positive and finite.
  float positive_or_zero(const std::string& attribute) const;
  std::vector<std::int64_t> integers(const std::string& attribute) const;
  WeightType weight_type(const std::string& attribute) const;

  // Throws that this is wrong with the node.
  [[noreturn]] void refuse(const std::string& what) const;
  // Refuses where two sizes that must be equal are not; `what` says whose they are.
  void expect_equal(std::size_t found, std::size_t expected, const char* what) const;

  bool has(std::size_t index) const;
  // Whether an input that is no weight may be there: one of so many is.
  bool takes(std::size_t index) const { return index < info_.GetInputCount(); }
  // A weight of `count` elements of a type.
  const float* floats(std::size_t index, std::size_t count) const;
  const std::int32_t* ints(std::size_t index, std::size_t count) const;
  const std::uint16_t* bf16(std::size_t index, std::size_t count) const;
  const void* bytes(std::size_t index, std::size_t count) const;
  // The type of a weight that must be there.
  ONNXTensorElementDataType type(std::size_t index) const;
  // A weight of rows [n, width]: how many.
  std::size_t rows(std::size_t index, std::size_t width) const;
  // A weight of columns [rows, n]: how many.
  std::size_t columns(std::size_t index, std::size_t rows) const;

  // A linear layer whose weight, bias, scales, sums, down and up are the six inputs from `first`
  // on; attributes PREFIXinputs, PREFIXoutputs, PREFIXweights, PREFIXgated, and for all of the
  // node's layers tasks, rank, full_activations.
  LinearLayer linear(std::size_t first, const std::string& prefix) const;
  // The norm whose weight and bias are the two inputs from `first` on; attributes eps, rms. An
  // RMSNorm has no bias.
  NormLayer norm(std::size_t first, std::size_t width) const;
  // RMSNorm of a head, whose weight is an input that may be absent; attribute eps.
  HeadNorm head_norm(std::size_t index, std::size_t width) const;

 private:
  float eps() const;
  std::size_t in_range(const std::string& name, std::int64_t value,
                       const AttributeRange& range) const;
  template <class T>
  T attribute(const std::string& name) const;
  std::string input_name(std::size_t index) const;
  Ort::ConstValue constant(std::size_t index) const;
  const void* checked(std::size_t index, std::size_t count, ONNXTensorElementDataType type) const;

  Ort::ConstKernelInfo info_;
  std::span<const NodeInput> inputs_;
};

}  // namespace nestvec
