// SPDX-License-Identifier: Apache-2.0
#include "weights/onnx_nodes.h"

#include <gtest/gtest.h>

#include "nestvec/error.h"
#include "support/onnx_file.h"

namespace nestvec {
namespace {

using onnx_file::bytes;
using onnx_file::node;
using onnx_file::number;

std::string integer(const std::string& name, std::uint64_t value) {
  return bytes(1, name) + number(3, value);
}
std::string real(const std::string& name, float value) {
  return bytes(1, name) + onnx_file::varint(2 << 3 | 5) + onnx_file::floats({value});
}
std::string axes(const std::vector<std::uint64_t>& values) {
  std::string out = bytes(1, "perm");
  for (const std::uint64_t value : values) out += number(8, value);
  return out;
}

// "NAME=INITIALIZER", with "^T" behind where it lies transposed.
std::vector<std::string> implied(const std::vector<std::string>& messages,
                                 const std::set<std::string_view>& initializers) {
  OnnxNodes nodes;
  for (const std::string& message : messages)
    nodes.add(std::as_bytes(std::span(message)), "m.onnx");
  std::vector<std::string> texts;
  for (const ImpliedWeight& weight : nodes.implied_weights(initializers)) {
    texts.push_back(weight.name + "=" + weight.initializer + (weight.transposed ? "^T" : ""));
  }
  return texts;
}

using Texts = std::vector<std::string>;

TEST(OnnxNodesTest, NamesTheOperandOfAProductByTheBiasBehindIt) {
  EXPECT_EQ(implied({node("MatMul", {"x", "7"}, "p"), node("Add", {"l.0.bias", "p"}, "a"),
                     node("MatMul", {"a", "8"}, "q"), node("Add", {"q", "l.1.bias"}, "b")},
                    {"7", "8", "l.0.bias", "l.1.bias"}),
            (Texts{"l.0.weight=7^T", "l.1.weight=8^T"}));
}

TEST(OnnxNodesTest, LooksThroughCastsAndTransposes) {
  EXPECT_EQ(implied({node("Transpose", {"7"}, "t", {axes({1, 0})}), node("MatMul", {"x", "t"}, "p"),
                     node("Cast", {"p"}, "c"), node("Cast", {"l.bias"}, "d"),
                     node("Add", {"d", "c"}, "a")},
                    {"7", "l.bias"}),
            (Texts{"l.weight=7"}));
  EXPECT_EQ(implied({node("Transpose", {"7"}, "t", {axes({0, 1})}), node("MatMul", {"x", "t"}, "p"),
                     node("Add", {"l.bias", "p"}, "a")},
                    {"7"}),
            Texts{});
}

TEST(OnnxNodesTest, ReadsGemm) {
  const auto gemm = [](const std::vector<std::string>& attributes) {
    return implied({node("Gemm", {"x", "7", "l.bias"}, "y", attributes)}, {"7", "l.bias"});
  };
  EXPECT_EQ(gemm({}), (Texts{"l.weight=7^T"}));
  EXPECT_EQ(gemm({integer("transB", 1), real("alpha", 1), real("beta", 1)}), (Texts{"l.weight=7"}));
  EXPECT_EQ(gemm({real("alpha", 2)}), Texts{});
  EXPECT_EQ(gemm({real("beta", 0.5f)}), Texts{});
  EXPECT_EQ(gemm({integer("transA", 1)}), Texts{});
}

TEST(OnnxNodesTest, ParametersThatAreEqualKeepTheirNames) {
  EXPECT_EQ(implied({node("Identity", {"a.bias"}, "b.bias"), node("MatMul", {"x", "7"}, "p"),
                     node("Add", {"b.bias", "p"}, "y"), node("MatMul", {"y", "8"}, "q"),
                     node("Add", {"a.bias", "q"}, "z")},
                    {"7", "8", "a.bias"}),
            (Texts{"a.weight=8^T", "b.bias=a.bias", "b.weight=7^T"}));
}

TEST(OnnxNodesTest, LeavesOutWhatIsNotClear) {
  const Texts shared = {node("MatMul", {"x", "7"}, "p"), node("Add", {"l.bias", "p"}, "y"),
                        node("MatMul", {"y", "8"}, "q"), node("Add", {"l.bias", "q"}, "z")};
  EXPECT_EQ(implied(shared, {"7", "8", "l.bias"}), Texts{});
  const Texts plain = {node("MatMul", {"x", "7"}, "p"), node("Add", {"l.bias", "p"}, "y")};
  EXPECT_EQ(implied(plain, {"7", "l.bias", "l.weight"}), Texts{});  // it has its name
  EXPECT_EQ(implied(plain, {"l.bias"}), Texts{});                   // computed
  EXPECT_EQ(implied({node("MatMul", {"x", "7"}, "p"), node("Add", {"p", "x"}, "y")}, {"7"}),
            Texts{});
  EXPECT_EQ(implied({node("MatMul", {"x", "7"}, "p") + bytes(7, "other.domain"),
                     node("Add", {"l.bias", "p"}, "y")},
                    {"7"}),
            Texts{});
}

TEST(OnnxNodesTest, EndsWhereAGraphTurnsInCircles) {
  EXPECT_EQ(implied({node("Identity", {"b"}, "a"), node("Cast", {"a"}, "b"),
                     node("Transpose", {"t"}, "t"), node("MatMul", {"a", "t"}, "p"),
                     node("Add", {"l.bias", "p"}, "s"), node("Add", {"s", "s"}, "s"),
                     node("Add", {"a", "b"}, "c"), node("Gemm", {"x"}, "g")},
                    {"7"}),
            Texts{});
}

TEST(OnnxNodesTest, RefusesMoreNodesThanAnyEncoderHas) {
  OnnxNodes nodes;
  const std::string sum = node("Add", {"a", "b"}, "c");
  const std::string other = node("Constant", {}, "k");
  const auto add = [&nodes](const std::string& message) {
    nodes.add(std::as_bytes(std::span(message)), "m.onnx");
  };
  for (std::size_t i = 0; i < OnnxNodes::kMaxNodes; ++i) add(sum);
  add(other);
  EXPECT_THROW(add(sum), Error);
}

}  // namespace
}  // namespace nestvec
