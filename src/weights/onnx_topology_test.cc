// SPDX-License-Identifier: Apache-2.0
#include "weights/onnx_topology.h"

#include <gtest/gtest.h>

#include "nestvec/error.h"
#include "support/error_of.h"
#include "support/onnx_file.h"

namespace nestvec {
namespace {

using onnx_file::bytes;
using onnx_file::floats;
using onnx_file::head;
using onnx_file::node;
using onnx_file::number;

class OnnxTopologyTest : public testing::Test {
 protected:
  const OnnxTopology& parse(const std::vector<std::string>& tensors,
                            const std::vector<std::string>& nodes = {}) {
    file_ = onnx_file::model(tensors, nodes);
    topology_ = parse_onnx_topology(std::as_bytes(std::span(file_)), "m.onnx");
    return topology_;
  }
  std::vector<double> values(std::string_view name) const {
    return topology_.constants.at(name).values;
  }

  std::string file_;
  OnnxTopology topology_;
};

using Numbers = std::vector<double>;

std::string float_attribute(const std::string& name, float value) {
  return bytes(1, name) + onnx_file::varint(2 << 3 | 5) + floats({value});
}

TEST_F(OnnxTopologyTest, NodesKeepTheirOrderTheirNamesAndTheirAttributes) {
  const OnnxTopology& found = parse(
      {},
      {node("Softmax", {"x"}, "y", {bytes(1, "axis") + number(3, static_cast<std::uint64_t>(-1))}),
       node("Gelu", {"y", "", "z"}, "out",
            {float_attribute("epsilon", 0.5f), bytes(1, "approximate") + bytes(4, "tanh"),
             bytes(1, "perm") + number(8, 1) + number(8, 0)}) +
           bytes(7, "ai.onnx"),
       node("Own", {}, "last") + bytes(7, "com.other")});
  ASSERT_EQ(found.nodes.size(), 3u);
  EXPECT_EQ(found.nodes[0].op, "Softmax");
  EXPECT_EQ(found.nodes[0].number_or("axis", 5), -1);
  EXPECT_EQ(found.nodes[0].number_or("other", 5), 5);
  const OnnxNode& gelu = found.nodes[1];
  EXPECT_EQ(gelu.inputs, (std::vector<std::string_view>{"y", "", "z"}));
  EXPECT_EQ(gelu.outputs, (std::vector<std::string_view>{"out"}));
  EXPECT_EQ(gelu.number_or("epsilon", 0), 0.5);
  EXPECT_EQ(gelu.attribute("approximate")->text, "tanh");
  EXPECT_EQ(gelu.attribute("perm")->integers, (std::vector<std::int64_t>{1, 0}));
  EXPECT_EQ(gelu.domain, "");
  EXPECT_EQ(found.nodes[2].domain, "com.other");
}

TEST_F(OnnxTopologyTest, SmallConstantsAreRead) {
  const std::string half("\x00\x38", 2);  // 0.5
  parse({head("raw", {2}) + bytes(9, floats({1.5f, -2.0f})),
         head("floats", {}) + bytes(4, floats({3.0f})),
         head("ids", {2}, 7) + bytes(7, std::string("\x05\x07")),
         head("half", {}, 10) + bytes(9, half), head("large", {17}) + bytes(9, std::string(68, 0)),
         head("short", {2}) + bytes(9, floats({1.0f})), head("bad", {-1}) + bytes(9, "")},
        {node("Constant", {}, "c",
              {bytes(1, "value") + bytes(5, head("", {}) + bytes(9, floats({7.0f})))}),
         node("Constant", {}, "f", {float_attribute("value_float", 0.25f)}),
         node("Constant", {}, "list", {bytes(1, "value_floats") + bytes(7, floats({1.0f, 2.0f}))}),
         node("Constant", {}, "i", {bytes(1, "value_ints") + number(8, 4) + number(8, 9)})});
  EXPECT_EQ(values("raw"), (Numbers{1.5, -2}));
  EXPECT_EQ(values("floats"), Numbers{3});
  EXPECT_EQ(values("ids"), (Numbers{5, 7}));
  EXPECT_FALSE(topology_.constants.at("ids").is_float);
  EXPECT_EQ(values("half"), Numbers{0.5});
  EXPECT_EQ(values("large"), Numbers{});
  EXPECT_EQ(topology_.constants.at("large").elements, 17u);
  EXPECT_EQ(values("short"), Numbers{});
  EXPECT_EQ(topology_.constants.at("bad").elements, ~std::uint64_t{0});
  EXPECT_EQ(values("c"), Numbers{7});
  EXPECT_EQ(values("f"), Numbers{0.25});
  EXPECT_TRUE(topology_.constants.at("f").is_float);
  EXPECT_EQ(values("i"), (Numbers{4, 9}));
  EXPECT_EQ(values("list"), Numbers{});
  EXPECT_TRUE(topology_.nodes.empty());
}

TEST_F(OnnxTopologyTest, OutputsHaveTheirTypeAndTheirAxes) {
  const auto output = [](const std::string& name, std::uint64_t type, int axes) {
    std::string shape;
    for (int i = 0; i < axes; ++i) shape += bytes(1, number(1, 2));
    return bytes(12, bytes(1, name) + bytes(2, bytes(1, number(1, type) + bytes(2, shape))));
  };
  const std::string graph =
      output("tokens", 1, 3) + output("ids", 7, 2) + bytes(12, bytes(1, "bare"));
  file_ = bytes(7, graph);
  topology_ = parse_onnx_topology(std::as_bytes(std::span(file_)), "m.onnx");
  ASSERT_EQ(topology_.outputs.size(), 3u);
  EXPECT_EQ(topology_.outputs[0].name, "tokens");
  EXPECT_TRUE(topology_.outputs[0].is_float);
  EXPECT_EQ(topology_.outputs[0].axes, 3);
  EXPECT_FALSE(topology_.outputs[1].is_float);
  EXPECT_EQ(topology_.outputs[2].axes, -1);
}

TEST_F(OnnxTopologyTest, WhatIsNoEncoderIsNotKept) {
  EXPECT_EQ(parse({}, {node("Own", {}, "o", std::vector<std::string>(1000, bytes(1, "a")))})
                .nodes[0]
                .attributes.size(),
            64u);
  std::string graph;
  for (int i = 0; i <= 1 << 18; ++i) graph += bytes(1, "");
  file_ = bytes(7, graph);
  const auto parse_nodes = [&] { parse_onnx_topology(std::as_bytes(std::span(file_)), "m.onnx"); };
  EXPECT_NE(error_of(parse_nodes, ErrorCode::kDataLoss).find("over 262144 nodes"),
            std::string::npos);
}

TEST_F(OnnxTopologyTest, WhatIsCutOffIsRefused) {
  const std::string whole = onnx_file::model({head("t", {1}) + bytes(9, floats({1.0f}))});
  const std::string cut = whole.substr(0, whole.size() - 1);
  const auto parse_cut = [&] { parse_onnx_topology(std::as_bytes(std::span(cut)), "m.onnx"); };
  EXPECT_NE(error_of(parse_cut, ErrorCode::kDataLoss).find("m.onnx: the ONNX model is truncated"),
            std::string::npos);
}

}  // namespace
}  // namespace nestvec
