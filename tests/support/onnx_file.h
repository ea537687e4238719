// SPDX-License-Identifier: Apache-2.0
// For tests: ONNX files by hand, in the wire format, so that reader and test share nothing.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace nestvec::onnx_file {

inline std::string varint(std::uint64_t value) {
  std::string out;
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  return out + static_cast<char>(value);
}
inline std::string number(std::uint64_t field, std::uint64_t value) {
  return varint(field << 3) + varint(value);
}
inline std::string bytes(std::uint64_t field, const std::string& value) {
  return varint(field << 3 | 2) + varint(value.size()) + value;
}
inline std::string floats(const std::vector<float>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)};
}
inline std::string entry(const std::string& key, const std::string& value) {
  return bytes(13, bytes(1, key) + bytes(2, value));
}

// A TensorProto's name, shape and type; 1 is fp32.
inline std::string head(const std::string& name, const std::vector<std::int64_t>& shape,
                        std::uint64_t type = 1) {
  std::string out = bytes(8, name) + number(2, type);
  for (const std::int64_t extent : shape) out += number(1, static_cast<std::uint64_t>(extent));
  return out;
}

// A NodeProto; `attributes` are AttributeProtos.
inline std::string node(const std::string& op, const std::vector<std::string>& inputs,
                        const std::string& output,
                        const std::vector<std::string>& attributes = {}) {
  std::string out = bytes(4, op) + bytes(2, output);
  for (const std::string& input : inputs) out += bytes(1, input);
  for (const std::string& attribute : attributes) out += bytes(5, attribute);
  return out;
}

// A ModelProto.
inline std::string model(const std::vector<std::string>& tensors,
                         const std::vector<std::string>& nodes = {}) {
  std::string graph = bytes(2, "graph");
  for (const std::string& message : nodes) graph += bytes(1, message);
  for (const std::string& tensor : tensors) graph += bytes(5, tensor);
  return number(1, 8) + bytes(7, graph);
}

}  // namespace nestvec::onnx_file
