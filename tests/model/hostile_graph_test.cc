// SPDX-License-Identifier: Apache-2.0
// A compiled graph is foreign bytes: whatever its nodes say, it is refused when it is opened, or it
// computes within its memory.
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <set>

#include "session/ort_session.h"
#include "support/compiled_graph.h"
#include "support/folders.h"
#include "support/slow_run.h"

namespace nestvec {
namespace {

namespace fs = std::filesystem;

class HostileGraph : public testing::Test {
 protected:
  void SetUp() override {
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    folder_ = fs::path(test_build()) / test->test_suite_name() / test->name();
    fs::remove_all(folder_);
    fs::create_directories(folder_);
    graphs_ = compiled_graphs(test_data() + "/../models/", folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  // Refused with words about the file, and `word` of what is wrong in it.
  static void expect_refused(const CompiledGraph& graph, const onnx::ModelProto& changed,
                             const std::string& word) {
    const std::optional<Error> error = graph.outcome(changed);
    ASSERT_TRUE(error) << "opened";
    EXPECT_EQ(error_code_name(error->code()), error_code_name(ErrorCode::kDataLoss));
    const std::string what = error->what();
    EXPECT_EQ(what.find(graph.path()), 0u) << what;
    EXPECT_NE(what.find(word), std::string::npos) << what;
    EXPECT_EQ(what.find('\n'), std::string::npos) << what;
  }

  fs::path folder_;
  std::vector<CompiledGraph> graphs_;
};

TEST_F(HostileGraph, UnchangedOnesRun) {
  for (const CompiledGraph& graph : graphs_) {
    const std::optional<Error> error = graph.outcome(graph.model());
    EXPECT_FALSE(error) << graph.name() << ": " << error->what();
  }
}

// The nodes to change. Under sanitizers the first of each operator: the same code reads the others.
std::vector<int> nodes_to_change(const CompiledGraph& graph) {
  std::vector<int> nodes;
  std::set<std::string> seen;
  for (int n = 0; n < graph.model().graph().node_size(); ++n) {
    const bool is_first = seen.insert(graph.model().graph().node(n).op_type()).second;
    if (is_first || !kSlowRun) nodes.push_back(n);
  }
  return nodes;
}

bool has_input(const onnx::NodeProto& node, int index) {
  return index < node.input_size() && !node.input(index).empty();
}

bool has_string(const onnx::NodeProto& node, const std::string& name) {
  return std::ranges::any_of(node.attribute(), [&](const onnx::AttributeProto& attribute) {
    return attribute.name() == name && attribute.type() == onnx::AttributeProto::STRING;
  });
}

// Numbers that mean nothing for memory: other positions, another function, a table that is not
// there.
bool is_harmless(const onnx::NodeProto& node, const onnx::AttributeProto& attribute,
                 std::int64_t value) {
  const std::string& name = attribute.name();
  if (name == "pad_id") return true;
  if (name == "full_activations") return value == 0 || value == 1;
  if (name == "activation") return value >= 0 && value <= 5;
  if (name == "pooling" || name == "scale") return value == 0 || value == 1;
  // Panels that are the word table, too: within the last one.
  if (name == "vocabulary" && has_string(node, "word_weights")) {
    return value > 0 && (value - 1) / 32 == (attribute.i() - 1) / 32;
  }
  // Within the last panel: the model is refused for the number of its labels.
  if (name == "outputs") return value > 0 && value <= 32;
  if (name == "first_position") return value >= 0 && (!has_input(node, 7) || value <= 4);
  const bool half_layer = node.op_type() != "PackedEmbedding";
  const bool updated = half_layer && (has_input(node, 7) || has_input(node, 13));
  if (name == "tasks") return half_layer && !updated;
  if (name == "rank") return !has_input(node, 8);
  if (name == "qkv_rank" || name == "in_rank") return !has_input(node, 7);
  if (name == "transform_rank" || name == "decoder_rank") return true;
  if (name == "out_rank") return !has_input(node, 13);
  return false;
}

TEST_F(HostileGraph, EveryNumberOfEveryNodeIsCheckedAgainstTheRest) {
  std::set<std::string> seen;
  for (const CompiledGraph& graph : graphs_) {
    for (const int n : nodes_to_change(graph)) {
      const onnx::NodeProto& node = graph.model().graph().node(n);
      for (int a = 0; a < node.attribute_size(); ++a) {
        const onnx::AttributeProto& attribute = node.attribute(a);
        if (attribute.type() != onnx::AttributeProto::INT) continue;
        const std::int64_t was = attribute.i();
        seen.insert(node.op_type() + "." + attribute.name());
        for (const std::int64_t value :
             {std::int64_t{0}, std::int64_t{-1}, std::int64_t{1} << 31, was * 2, was + 1, was - 1,
              std::numeric_limits<std::int64_t>::max(), std::numeric_limits<std::int64_t>::min(),
              std::int64_t{1} << 20, std::int64_t{1} << 62}) {
          if (value == was) continue;
          SCOPED_TRACE(graph.name() + ": " + node.name() + "." + attribute.name() + " = " +
                       std::to_string(value));
          onnx::ModelProto changed = graph.model();
          changed.mutable_graph()->mutable_node(n)->mutable_attribute(a)->set_i(value);
          if (!is_harmless(node, attribute, value)) {
            expect_refused(graph, changed, node.name());
          } else {
            graph.outcome(changed);
          }
        }
      }
    }
  }
  EXPECT_EQ(seen.size(), 49u) << "a new attribute: is it checked?";
}

TEST_F(HostileGraph, AttributesThatAreGoneOrOfAnotherTypeAreNamed) {
  for (const CompiledGraph& graph : graphs_) {
    for (const int n : nodes_to_change(graph)) {
      for (int a = 0; a < graph.model().graph().node(n).attribute_size(); ++a) {
        const onnx::NodeProto& node = graph.model().graph().node(n);
        const std::string& name = node.attribute(a).name();
        SCOPED_TRACE(graph.name() + ": " + node.name() + "." + name);
        const bool unused = is_harmless(node, node.attribute(a), 0) && name.ends_with("rank");
        if (unused || (name == "tasks" && is_harmless(node, node.attribute(a), 0))) continue;
        onnx::ModelProto changed = graph.model();
        onnx::NodeProto* target = changed.mutable_graph()->mutable_node(n);
        // Without it the layer has no gate, and another width than the next one's.
        target->mutable_attribute(a)->set_name("x_" + name);
        expect_refused(graph, changed, name == "in_gated" ? "out_inputs" : name);
        target->mutable_attribute(a)->set_name(name);
        target->mutable_attribute(a)->set_type(onnx::AttributeProto::STRING);
        target->mutable_attribute(a)->set_s("f64");
        expect_refused(graph, changed, name);
      }
    }
  }
}

// The graph may say of a value what it likes: the width that counts is that of the rows.
TEST_F(HostileGraph, AWiderMeanGivesNothingAway) {
  for (const CompiledGraph& graph : graphs_) {
    SCOPED_TRACE(graph.name());
    onnx::ModelProto changed = graph.model();
    onnx::GraphProto* inside = changed.mutable_graph();
    for (onnx::NodeProto& node : *inside->mutable_node()) {
      if (node.op_type() == "SpanMean") node.mutable_attribute(0)->set_i(127);
    }
    expect_refused(graph, changed, "127");
    inside->mutable_output(0)
        ->mutable_type()
        ->mutable_tensor_type()
        ->mutable_shape()
        ->mutable_dim(1)
        ->set_dim_value(127);
    expect_refused(graph, changed, "127");
    changed = graph.model();
    changed.mutable_graph()
        ->mutable_output(0)
        ->mutable_type()
        ->mutable_tensor_type()
        ->clear_shape();
    const std::optional<Error> error = graph.outcome(changed);
    EXPECT_FALSE(error) << error->what();
  }
}

// The same of a graph of stock operators, where ONNX Runtime lets it pass.
TEST_F(HostileGraph, APortableGraphThatDeclaresMoreGivesNothingAway) {
  CompileOptions options;
  options.layout = "rectangular";
  const std::string path =
      compile_model(test_data() + "/../models/bert-tiny", (folder_ / "portable").string(), options)
          .graph_path;
  onnx::ModelProto model;
  std::ifstream file(path, std::ios::binary);
  ASSERT_TRUE(model.ParseFromIstream(&file));
  for (const int axis : {0, 1, 2}) {
    onnx::ModelProto changed = model;
    changed.mutable_graph()
        ->mutable_output(0)
        ->mutable_type()
        ->mutable_tensor_type()
        ->mutable_shape()
        ->mutable_dim(axis)
        ->set_dim_value(127);
    std::ofstream(path, std::ios::binary | std::ios::trunc) << changed.SerializeAsString();
    std::size_t given = 0;
    try {
      const std::unique_ptr<Session> session = open_ort_session({path, 1, 0});
      PackedBatch batch;
      batch.add({{5, 6, 7}, kNoTask, {{0, 3}}});
      RunOutput out;
      session->run(batch, {}, out);
      given = out.rows.size();
    } catch (const Error& error) {
      EXPECT_EQ(std::string(error.what()).find(path), 0u) << error.what();
    }
    EXPECT_TRUE(given == 0 || given == 32) << "axis " << axis << " gave " << given;
  }
}

// Any value wired to any input: a mean of ids, weights as rows, offsets as tasks.
TEST_F(HostileGraph, InputsOfOtherValuesAreRefusedOrHarmless) {
  std::size_t refused = 0;
  for (const CompiledGraph& graph : graphs_) {
    const onnx::GraphProto& inside = graph.model().graph();
    for (const int n : nodes_to_change(graph)) {
      for (int i = 0; i < inside.node(n).input_size(); ++i) {
        for (const std::string& other :
             {std::string(), std::string("offsets"), std::string("spans"), std::string("input_ids"),
              inside.node(0).output(0), inside.initializer(0).name(),
              inside.initializer(inside.initializer_size() - 1).name()}) {
          if (inside.node(n).input(i) == other) continue;
          SCOPED_TRACE(graph.name() + ": " + inside.node(n).name() + " input " + std::to_string(i) +
                       " = " + other);
          onnx::ModelProto changed = graph.model();
          changed.mutable_graph()->mutable_node(n)->set_input(i, other);
          const std::optional<Error> error = graph.outcome(changed);
          if (!error) continue;
          ++refused;
          EXPECT_NE(error->code(), ErrorCode::kInternal) << error->what();
        }
      }
    }
  }
  EXPECT_GT(refused, kSlowRun ? 200u : 1000u);
}

TEST_F(HostileGraph, WeightsOutsideOfTheirFileAreRefused) {
  std::size_t external = 0;  // in all; a tiny graph of bytes has none
  for (const CompiledGraph& graph : graphs_) {
    const onnx::GraphProto& inside = graph.model().graph();
    for (int t = 0; t < inside.initializer_size(); ++t) {
      for (int e = 0; e < inside.initializer(t).external_data_size(); ++e) {
        ++external;
        const std::string& key = inside.initializer(t).external_data(e).key();
        for (const char* value : {"-1", "9223372036854775807", "18446744073709551615", "1073741824",
                                  "x", "", "../weights.data", "/etc/passwd"}) {
          SCOPED_TRACE(graph.name() + ": " + inside.initializer(t).name() + " " + key + " " +
                       value);
          onnx::ModelProto changed = graph.model();
          changed.mutable_graph()->mutable_initializer(t)->mutable_external_data(e)->set_value(
              value);
          expect_refused(graph, changed, "");
        }
      }
    }
  }
  EXPECT_GT(external, 0u);
}

}  // namespace
}  // namespace nestvec
