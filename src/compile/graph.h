// SPDX-License-Identifier: Apache-2.0
// Builds an ONNX model: nodes are added one by one, each giving the name of its output, and weights
// are promised with a function that makes them, so that a graph is complete and every shape checked
// before the first byte is written. Knows nothing of encoders.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "weights/tensor.h"

namespace nestvec {

namespace onnx {
class ModelProto;
}

// An attribute of a node.
struct Attribute {
  std::string name;
  std::variant<std::int64_t, float, std::string, std::vector<std::int64_t>> value;
};

// A node to be: "Add" with an empty domain, "BiasGelu" with "com.microsoft".
struct Op {
  std::string_view type;
  std::string_view domain = "";
};

// An axis of an input or output: a symbol ("batch") or a size.
using Axis = std::variant<std::string, std::int64_t>;

// A weight that is made when it is written.
struct Payload {
  DataType type = DataType::kF32;
  std::vector<std::int64_t> shape;
  // Fills whole rows of the weight seen as [shape[0], the rest], from row `first` on.
  std::function<void(std::size_t first, std::span<std::byte> out)> fill;
  // Called after about every 32 MiB and at the end: what was read may leave memory.
  std::function<void()> release;
};

// Where a weight came to lie in the data file.
struct DataPlacement {
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
};

// Not thread-safe.
class GraphBuilder {
 public:
  // Weights go to `data_file`, a name relative to the model's folder.
  explicit GraphBuilder(std::string data_file);
  GraphBuilder(const GraphBuilder&) = delete;
  GraphBuilder& operator=(const GraphBuilder&) = delete;
  ~GraphBuilder();

  // Declares an input or output; the value of that name is used by or made by a node.
  std::string input(const std::string& name, DataType type, const std::vector<Axis>& shape);
  void output(const std::string& name, DataType type, const std::vector<Axis>& shape);
  // States what a value between nodes is: only of values that it knows the shapes of can ONNX
  // Runtime put one in the place of another.
  void value(const std::string& name, DataType type, const std::vector<Axis>& shape);

  // Adds a node and returns its output, "NAME" or, with several outputs, "NAME.0", "NAME.1" ...
  // Absent optional inputs are empty strings.
  std::string node(const Op& op, const std::string& name, const std::vector<std::string>& inputs,
                   const std::vector<Attribute>& attributes = {});
  std::vector<std::string> node_of(const Op& op, const std::string& name, std::size_t outputs,
                                   const std::vector<std::string>& inputs,
                                   const std::vector<Attribute>& attributes = {});

  // Adds a constant that stands in the graph itself.
  std::string constant(const std::string& name, const std::vector<std::int64_t>& values);
  std::string scalar(const std::string& name, std::int64_t value);

  // Adds a weight. Small ones (under kInlineBytes) are made at once and stand in the graph, others
  // in the data file.
  std::string weight(const std::string& name, Payload payload);

  // metadata_props: what ONNX Runtime gives back from ModelMetadata.
  void metadata(const std::string& key, const std::string& value);

  // Bytes of the data file.
  std::uint64_t data_bytes() const noexcept { return data_bytes_; }
  // The model as the bytes of an .onnx file.
  std::string serialize() const;

  // Makes every promised weight in order of place and hands out blocks with their offset. Memory in
  // use is one block. Throws what `fill` and `write` throw.
  using Write = std::function<void(std::uint64_t offset, std::span<const std::byte> bytes)>;
  void stream_data(const Write& write) const;

  static constexpr std::uint64_t kInlineBytes = 32768;
  // Data is mapped in pages; 64 KiB is the largest that the systems ONNX Runtime runs on want.
  static constexpr std::uint64_t kAlignment = 65536;
  // What is so large begins at such a place, so that the system can map it in large pages.
  static constexpr std::uint64_t kLargePage = 2 << 20;

 private:
  struct Promise {
    Payload payload;
    DataPlacement place;
  };

  std::string data_file_;
  std::unique_ptr<onnx::ModelProto> model_;
  std::vector<Promise> promises_;
  std::uint64_t data_bytes_ = 0;
};

}  // namespace nestvec
