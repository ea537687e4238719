// SPDX-License-Identifier: Apache-2.0
// An ONNX file of any bytes is read or refused; the initializers that are read lie inside the file,
// and the names found for them by the graph's nodes name one of them.
// Constants whose values are read are small.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <set>
#include <span>
#include <string>

#include "expect_one_line.h"
#include "nestvec/error.h"
#include "weights/onnx_initializers.h"
#include "weights/onnx_topology.h"

namespace {

void check_topology(std::span<const std::byte> file) {
  const nestvec::OnnxTopology topology = nestvec::parse_onnx_topology(file, "m.onnx");
  for (const auto& [name, constant] : topology.constants) {
    const std::size_t count = constant.values.size();
    if (count > nestvec::OnnxConstant::kShown) std::abort();
    if (count > 0 && count != constant.elements) std::abort();
  }
  for (const nestvec::OnnxNode& node : topology.nodes) {
    for (const nestvec::OnnxAttribute& attribute : node.attributes) {
      if (node.attribute(attribute.name) == nullptr) std::abort();
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span<const std::byte> file = std::as_bytes(std::span(data, size));
  try {
    const nestvec::OnnxGraph graph = nestvec::parse_onnx_graph(file, "m.onnx");
    std::set<std::string> names;
    for (const auto& initializer : graph.initializers) {
      names.insert(initializer.tensor.name);
      const std::span<const std::byte> bytes = initializer.tensor.bytes;
      if (bytes.empty()) continue;  // external, or no elements
      if (bytes.data() < file.data() || bytes.data() + bytes.size() > file.data() + file.size()) {
        std::abort();
      }
    }
    for (const nestvec::ImpliedWeight& implied : graph.implied) {
      if (!names.contains(implied.initializer) || names.contains(implied.name)) std::abort();
    }
    check_topology(file);
  } catch (const nestvec::Error& error) {
    if (error.code() != nestvec::ErrorCode::kDataLoss) std::abort();
    expect_one_line(error.what());
  }
  return 0;
}
