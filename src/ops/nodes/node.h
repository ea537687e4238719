// SPDX-License-Identifier: Apache-2.0
// What the nodes have in common: how they are declared to ONNX Runtime, read their weights and
// attributes once, and fail.
#pragma once

#include <onnxruntime_cxx_api.h>

#include <cstddef>
#include <cstdint>
#include <exception>
#include <span>
#include <string>

#include "nestvec/error.h"
#include "ops/engine_context.h"
#include "ops/linear.h"

namespace nestvec {

// An input of a node: what it is called in messages, its type, and whether it may be absent.
struct NodeInput {
  const char* name = "";
  ONNXTensorElementDataType type = ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED;  // any
  bool optional = false;
  const char* layer = "";  // stands before the name, where a node has several
};

// Runs `body` and turns what it throws into a status: no exception crosses ONNX Runtime.
template <class Body>
OrtStatusPtr as_status(Body body) noexcept {
  try {
    body();
    return nullptr;
  } catch (const Error& error) {
    const bool argument = error.code() == ErrorCode::kInvalidArgument;
    return Ort::Status(error.what(), argument ? ORT_INVALID_ARGUMENT : ORT_FAIL).release();
  } catch (const std::exception& error) {
    return Ort::Status(error.what(), ORT_FAIL).release();
  }
}

// The constants of a node. Pointers stay valid as long as its session.
class NodeReader {
 public:
  NodeReader(const OrtKernelInfo* info, std::span<const NodeInput> inputs)
      : info_(info), inputs_(inputs) {}

  std::size_t size(const char* attribute) const;
  float number(const char* attribute) const;
  std::string text(const char* attribute) const;

  bool has(std::size_t index) const;
  // A weight of `count` elements of a type. Throws Error kDataLoss for another size.
  const float* floats(std::size_t index, std::size_t count) const;
  const std::int32_t* ints(std::size_t index, std::size_t count) const;
  const std::uint16_t* bf16(std::size_t index, std::size_t count) const;
  const void* bytes(std::size_t index, std::size_t count) const;
  // The same, null where the input is absent.
  const float* optional_floats(std::size_t index, std::size_t count) const;
  ONNXTensorElementDataType type(std::size_t index) const;
  // Elements of the first axis.
  std::size_t rows(std::size_t index) const;

  // A linear layer whose weight, bias, scales, sums, down and up are the six inputs from `first`
  // on; attributes PREFIXinputs, PREFIXoutputs, PREFIXweights, and for all of the node's layers
  // tasks, rank, full_activations.
  LinearLayer linear(std::size_t first, const std::string& prefix) const;
  // LayerNorm whose weight and bias are the two inputs from `first` on; attribute eps.
  NormLayer norm(std::size_t first, std::size_t width) const;

 private:
  Ort::ConstValue constant(std::size_t index) const;
  const void* checked(std::size_t index, std::size_t count, ONNXTensorElementDataType type) const;

  Ort::ConstKernelInfo info_;
  std::span<const NodeInput> inputs_;
};

// The inputs and outputs of one run of a node.
class NodeRun {
 public:
  explicit NodeRun(OrtKernelContext* context) : context_(context) {}

  std::span<const float> floats(std::size_t index) const;
  std::span<const std::int64_t> ints(std::size_t index) const;

  // The output [rows, width].
  float* output(std::size_t rows, std::size_t width) const;

  // The task of each row: offsets and tasks are the inputs 1 and 2. Null when none has one.
  const std::int32_t* row_tasks(EngineContext& context) const;

 private:
  Ort::KernelContext context_;
};

// A Kernel has kName, kInputs, kOutput (its type), kInPlace (whether its output may take the place
// of input 0), a constructor (NodeReader, EngineContext&) and run(NodeRun).
template <class Kernel>
class NodeKernel {
 public:
  NodeKernel(const OrtKernelInfo* info, EngineContext& context)
      : context_(context), kernel_(NodeReader(info, Kernel::kInputs), context) {}

  // NOLINTNEXTLINE(readability-identifier-naming): ONNX Runtime's name
  OrtStatusPtr ComputeV2(OrtKernelContext* run) noexcept {
    return as_status([&] {
      if (context_.control != nullptr) context_.control->check();
      kernel_.run(NodeRun(run));
    });
  }

 private:
  EngineContext& context_;
  Kernel kernel_;
};

// NOLINTBEGIN(readability-identifier-naming): ONNX Runtime's names
template <class Kernel>
class Node final : public Ort::CustomOpBase<Node<Kernel>, NodeKernel<Kernel>, true> {
 public:
  explicit Node(EngineContext& context) : context_(context) {
    if constexpr (Kernel::kInPlace) {
      this->GetMayInplace = [](int** input, int** output) -> std::size_t {
        static constexpr int kFirst = 0;
        *input = *output = const_cast<int*>(&kFirst);  // only read
        return 1;
      };
      this->ReleaseMayInplace = [](int*, int*) {};
    }
  }

  OrtStatusPtr CreateKernelV2(const OrtApi&, const OrtKernelInfo* info, void** kernel) const {
    return as_status([&] { *kernel = new NodeKernel<Kernel>(info, context_); });
  }
  const char* GetName() const { return Kernel::kName; }
  std::size_t GetInputTypeCount() const { return std::size(Kernel::kInputs); }
  ONNXTensorElementDataType GetInputType(std::size_t i) const { return Kernel::kInputs[i].type; }
  OrtCustomOpInputOutputCharacteristic GetInputCharacteristic(std::size_t i) const {
    return Kernel::kInputs[i].optional ? INPUT_OUTPUT_OPTIONAL : INPUT_OUTPUT_REQUIRED;
  }
  std::size_t GetOutputTypeCount() const { return 1; }
  ONNXTensorElementDataType GetOutputType(std::size_t) const { return Kernel::kOutput; }

 private:
  EngineContext& context_;
};
// NOLINTEND(readability-identifier-naming)

}  // namespace nestvec
