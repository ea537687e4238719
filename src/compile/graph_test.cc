// SPDX-License-Identifier: Apache-2.0
#include "compile/graph.h"

#include <gtest/gtest.h>

#include <cstring>

#include "onnx.pb.h"

namespace nestvec {
namespace {

// Rows that hold their own number; counts how it is called.
struct Source {
  std::size_t row_floats;
  std::size_t largest_block = 0;
  std::size_t releases = 0;

  Payload payload(std::size_t rows) {
    return {.shape = {static_cast<std::int64_t>(rows), static_cast<std::int64_t>(row_floats)},
            .fill =
                [this](std::size_t first, std::span<std::byte> out) {
                  largest_block = std::max(largest_block, out.size());
                  for (std::size_t i = 0; i < out.size() / sizeof(float); ++i) {
                    const std::size_t row = first + i / row_floats;
                    const auto value = static_cast<float>(row);
                    std::memcpy(out.data() + i * sizeof(float), &value, sizeof(value));
                  }
                },
            .release = [this] { ++releases; }};
  }
};

onnx::ModelProto parsed(const GraphBuilder& graph) {
  onnx::ModelProto model;
  EXPECT_TRUE(model.ParseFromString(graph.serialize()));
  return model;
}

std::string external(const onnx::TensorProto& tensor, const std::string& key) {
  for (const auto& entry : tensor.external_data()) {
    if (entry.key() == key) return entry.value();
  }
  return "";
}

TEST(GraphTest, SmallWeightsStandInTheGraphLargeOnesBehindOneAnotherInPages) {
  GraphBuilder graph("w.data");
  Source source{64};
  graph.weight("small", source.payload(127));  // 32,512 bytes
  graph.weight("first", source.payload(128));  // 32,768 bytes
  graph.weight("second", source.payload(300));
  const onnx::ModelProto model = parsed(graph);
  ASSERT_EQ(model.graph().initializer_size(), 3);
  const onnx::TensorProto& small = model.graph().initializer(0);
  EXPECT_EQ(small.raw_data().size(), 127u * 64 * 4);
  EXPECT_FALSE(small.has_data_location());
  const onnx::TensorProto& first = model.graph().initializer(1);
  EXPECT_EQ(first.data_location(), onnx::TensorProto::EXTERNAL);
  EXPECT_EQ(external(first, "location"), "w.data");
  EXPECT_EQ(external(first, "offset"), "0");
  EXPECT_EQ(external(first, "length"), "32768");
  EXPECT_EQ(external(model.graph().initializer(2), "offset"), "65536");
  EXPECT_EQ(graph.data_bytes(), 65536u + 300 * 64 * 4);
}

TEST(GraphTest, StreamsLargeWeightsInBlocksAndReleasesWhatWasRead) {
  GraphBuilder graph("w.data");
  Source source{1024};
  const std::size_t rows = 25'000;  // 100 MiB
  graph.weight("large", source.payload(rows));
  std::uint64_t next = 0;
  graph.stream_data([&](std::uint64_t offset, std::span<const std::byte> bytes) {
    EXPECT_EQ(offset, next);
    float value = 0;
    std::memcpy(&value, bytes.data(), sizeof(value));
    const std::uint64_t row = offset / 4096;
    EXPECT_EQ(value, static_cast<float>(row));
    next += bytes.size();
  });
  EXPECT_EQ(next, rows * 4096);
  EXPECT_EQ(next, graph.data_bytes());
  EXPECT_LE(source.largest_block, 4u << 20);
  EXPECT_EQ(source.releases, 4u);  // thrice under way, once at the end
}

TEST(GraphTest, WritesNodesAttributesAndImports) {
  GraphBuilder graph("w.data");
  const std::string x = graph.input("x", DataType::kI64, {"batch", 3});
  const std::string y = graph.node({"Cast"}, "y", {x}, {{"to", std::int64_t{1}}});
  const std::vector<std::string> parts = graph.node_of(
      {"Split", "com.microsoft"}, "z", 2, {y, ""},
      {{"alpha", 0.5f}, {"mode", std::string("m")}, {"pads", std::vector<std::int64_t>{1, 2}}});
  EXPECT_EQ(parts, (std::vector<std::string>{"z.0", "z.1"}));
  graph.output("z.0", DataType::kF32, {"batch"});
  graph.metadata("nestvec.layout", "rectangular");
  const onnx::ModelProto model = parsed(graph);
  EXPECT_EQ(model.graph().input(0).type().tensor_type().shape().dim(0).dim_param(), "batch");
  EXPECT_EQ(model.graph().input(0).type().tensor_type().shape().dim(1).dim_value(), 3);
  const onnx::NodeProto& split = model.graph().node(1);
  EXPECT_EQ(split.domain(), "com.microsoft");
  EXPECT_EQ(split.input(1), "");
  EXPECT_EQ(split.attribute(0).f(), 0.5f);
  EXPECT_EQ(split.attribute(1).s(), "m");
  EXPECT_EQ(split.attribute(2).ints_size(), 2);
  ASSERT_EQ(model.opset_import_size(), 2);
  EXPECT_EQ(model.opset_import(1).domain(), "com.microsoft");
  EXPECT_EQ(model.metadata_props(0).value(), "rectangular");
}

TEST(GraphTest, KeepsFieldsThatItDoesNotKnow) {
  onnx::ModelProto model;
  const std::string unknown =
      "\xa2\x06\x03"
      "abc";  // field 100, three bytes
  ASSERT_TRUE(model.ParseFromString("\x08\x08" + unknown));
  EXPECT_EQ(model.SerializeAsString(), "\x08\x08" + unknown);
}

}  // namespace
}  // namespace nestvec
