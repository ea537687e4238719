// SPDX-License-Identifier: Apache-2.0
// What the nodes have in common: how they are declared to ONNX Runtime, and fail.
#pragma once

#include <onnxruntime_cxx_api.h>

#include <cstddef>
#include <exception>

#include "nestvec/error.h"
#include "ops/engine_context.h"
#include "ops/nodes/node_reader.h"
#include "ops/nodes/node_run.h"

namespace nestvec {

// Runs `body` and turns what it throws into a status: no exception crosses ONNX Runtime.
template <class Body>
OrtStatusPtr as_status(Body body) noexcept {
  try {
    body();
    return nullptr;
  } catch (const Error& error) {
    const OrtErrorCode code = error.code() == ErrorCode::kInvalidArgument ? ORT_INVALID_ARGUMENT
                              : error.code() == ErrorCode::kDataLoss      ? ORT_INVALID_GRAPH
                                                                          : ORT_FAIL;
    return Ort::Status(error.what(), code).release();
  } catch (const std::exception& error) {
    return Ort::Status(error.what(), ORT_FAIL).release();
  }
}

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
      context_.pause();
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
