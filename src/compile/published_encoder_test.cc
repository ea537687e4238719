// SPDX-License-Identifier: Apache-2.0
#include "compile/published_encoder.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <functional>

#include "onnx.pb.h"
#include "support/checkpoint.h"
#include "support/error_of.h"
#include "support/model_copy_test.h"

namespace nestvec {
namespace {

// A published graph that a test changes.
class Export {
 public:
  explicit Export(const std::string& name)
      : folder_(model_path(name)), spec(read_model_spec(folder_)) {
    std::ifstream file(folder_ + "/onnx/model.onnx", std::ios::binary);
    EXPECT_TRUE(model.ParseFromIstream(&file));
  }

  // What is complained of; empty where nothing is.
  std::string check() {
    const EncoderWeights weights = open_encoder_weights(spec, folder_);
    const std::string path = (out_ / "model.onnx").string();
    write_text(path, model.SerializeAsString());
    return error_of([&] { check_published_encoder(path, spec, weights); });
  }

  onnx::GraphProto& graph() { return *model.mutable_graph(); }

  // The last node of a kind, or the one whose output's name ends so.
  onnx::NodeProto& node(const std::string& op, const std::string& ending = "") {
    onnx::NodeProto* found = nullptr;
    for (onnx::NodeProto& one : *graph().mutable_node()) {
      if (one.op_type() == op && one.output(0).ends_with(ending)) found = &one;
    }
    EXPECT_NE(found, nullptr) << op;
    return *found;
  }

  // Replaces the constants of one element that are about `old`.
  void set_constants(float old, float value) {
    int count = 0;
    for (onnx::NodeProto& one : *graph().mutable_node()) {
      if (one.op_type() != "Constant" || !one.attribute(0).has_t()) continue;
      onnx::TensorProto& tensor = *one.mutable_attribute(0)->mutable_t();
      float number = 0.0f;
      if (tensor.data_type() != 1 || tensor.raw_data().size() != sizeof(number)) continue;
      std::memcpy(&number, tensor.raw_data().data(), sizeof(number));
      if (std::abs(number - old) > 1e-3f * std::abs(old)) continue;
      tensor.set_raw_data(&value, sizeof(value));
      ++count;
    }
    EXPECT_GT(count, 0) << old;
  }

  // Puts a node between what makes `value` and everything that takes it.
  void insert_behind(std::string value, const std::string& op) {
    int place = 0;
    for (int i = 0; i < graph().node_size(); ++i) {
      for (std::string& output : *graph().mutable_node(i)->mutable_output()) {
        if (output != value) continue;
        output = value + "_before";
        place = i + 1;
      }
    }
    onnx::NodeProto& added = *graph().add_node();
    added.set_op_type(op);
    added.add_input(value + "_before");
    added.add_output(value);
    for (int i = graph().node_size() - 1; i > place; --i) {
      graph().mutable_node()->SwapElements(i, i - 1);
    }
  }

  // Puts a node before one input of another, at the beginning; returns it.
  onnx::NodeProto& insert_before(onnx::NodeProto& node, int input, const std::string& op) {
    const std::string value = node.input(input);
    node.set_input(input, value + "_after");
    onnx::NodeProto& added = *graph().add_node();
    added.set_op_type(op);
    added.add_input(value);
    added.add_output(value + "_after");
    for (int i = graph().node_size() - 1; i > 0; --i) {
      graph().mutable_node()->SwapElements(i, i - 1);
    }
    return added;
  }

  // One number, or a list.
  static void set_attribute(onnx::NodeProto& node, const std::string& name,
                            const std::vector<std::int64_t>& values) {
    onnx::AttributeProto* found = nullptr;
    for (onnx::AttributeProto& one : *node.mutable_attribute()) {
      if (one.name() == name) found = &one;
    }
    if (found == nullptr) found = node.add_attribute();
    found->set_name(name);
    found->clear_ints();
    if (values.size() == 1) found->set_i(values[0]);
    if (values.size() > 1) found->mutable_ints()->Add(values.begin(), values.end());
  }

  // Multiplies `value` for everything that takes it.
  void insert_scale(std::string value, float scale) {
    insert_behind(value, "Mul");
    onnx::TensorProto& constant = *graph().add_initializer();
    constant.set_name("scale");
    constant.set_data_type(onnx::TensorProto::FLOAT);
    constant.set_raw_data(&scale, sizeof(scale));
    node("Mul", value).add_input("scale");
  }

  onnx::ModelProto model;

 private:
  std::string folder_;
  TemporaryFolder out_;

 public:
  ModelSpec spec;
};

constexpr const char* kFirstLayer = "/model/encoder/layer.0/output/LayerNorm/Add_1_output_0";

using Change = std::function<void(Export&)>;

void expect_complaints(const std::string& model,
                       const std::vector<std::pair<std::string, Change>>& changes) {
  for (const auto& [complaint, change] : changes) {
    Export one(model);
    change(one);
    const std::string found = one.check();
    EXPECT_NE(found.find("is not recognised as the encoder that config.json describes"),
              std::string::npos)
        << complaint << ", but: " << found;
    EXPECT_NE(found.find(complaint), std::string::npos) << found;
  }
}

TEST(PublishedEncoderTest, ExportsAreRecognised) {
  for (const char* name : {"bert-tiny-onnx", "xlmr-tiny-onnx", "v3-tiny-onnx", "v3-narrow-onnx",
                           "bert-reranker-tiny-onnx"}) {
    EXPECT_EQ(Export(name).check(), "") << name;
  }
}

TEST(PublishedEncoderTest, NodesThatChangeNothingArePassed) {
  Export one("bert-tiny-onnx");
  const std::string hidden = one.node("Erf").input(0);
  one.insert_behind(hidden, "Identity");
  one.insert_behind("last_hidden_state", "Dropout");
  EXPECT_EQ(one.check(), "");
}

TEST(PublishedEncoderTest, AnotherGraphIsToldApart) {
  expect_complaints(
      "bert-tiny-onnx",
      {{"layer 1: hidden_act", [](Export& one) { one.node("Erf").set_op_type("Tanh"); }},
       {"hidden_act", [](Export& one) { one.set_constants(0.5f, 0.6f); }},
       {"hidden_act", [](Export& one) { one.set_constants(1.4142135f, 1.0f); }},
       {"hidden_act", [](Export& one) { one.insert_behind(one.node("Erf").output(0), "Relu"); }},
       {"layer 1: its output", [](Export& one) { one.insert_behind("last_hidden_state", "Relu"); }},
       {"its output is not the normalisation",
        [](Export& one) { one.set_constants(1e-12f, 1e-5f); }},
       {"the scale of its attention", [](Export& one) { one.set_constants(0.35355f, 0.5f); }},
       {"its attention is another",
        [](Export& one) { one.set_attribute(one.node("Softmax"), "axis", {1}); }},
       {"its attention is another",
        [](Export& one) { one.insert_behind(one.node("Softmax").output(0), "Relu"); }},
       {"another mask",
        [](Export& one) { one.insert_behind(one.node("Softmax").input(0), "Trilu"); }},
       {"another mask", [](Export& one) { one.insert_scale(one.node("Softmax").input(0), 0.5f); }},
       {"layer 1: its feed-forward network",
        [](Export& one) {
          one.insert_scale(one.node("Sub", "output/LayerNorm/Sub_output_0").input(0), 0.5f);
        }},
       {"layer 1: its keys are computed from something else",
        [](Export& one) {
          one.insert_behind(
              one.node("MatMul", "layer.1/attention/self/key/MatMul_output_0").output(0), "Relu");
        }},
       {"layer 1: its queries are computed from something else",
        [](Export& one) {
          onnx::NodeProto& product =
              one.node("MatMul", "layer.1/attention/self/query/MatMul_output_0");
          one.set_attribute(one.insert_before(product, 1, "Transpose"), "perm", {1, 0});
        }},
       {"layer 1: its feed-forward network takes something else",
        [](Export& one) {
          one.node("MatMul", "layer.1/intermediate/dense/MatMul_output_0")
              .set_input(0, kFirstLayer);
        }},
       {"layer 0: its values are computed from something else",
        [](Export& one) {
          onnx::NodeProto& product =
              one.node("MatMul", "layer.0/attention/self/value/MatMul_output_0");
          product.set_input(
              0, one.node("MatMul", "layer.0/attention/self/key/MatMul_output_0").output(0));
        }},
       {"the normalisation of its attention",
        [](Export& one) {
          onnx::NodeProto& mean =
              one.node("ReduceMean", "layer.1/attention/output/LayerNorm/ReduceMean_output_0");
          mean.mutable_attribute(0)->set_ints(0, 1);
        }},
       {"the scale of its attention",
        [](Export& one) {
          one.insert_scale(one.node("MatMul", "layer.1/attention/self/MatMul_1_output_0").input(1),
                           2.0f);
        }},
       {"hidden_act",
        [](Export& one) {
          const std::string value = one.node("Erf").output(0);
          one.insert_behind(value, "Cast");
          one.set_attribute(one.node("Cast", value), "to", {7});
        }},
       {"its words are no input_ids",
        [](Export& one) {
          one.node("Gather", "word_embeddings/Gather_output_0").set_input(1, "token_type_ids");
        }},
       {"out of order", [](Export& one) {
          one.graph().mutable_node()->SwapElements(0, one.graph().node_size() - 1);
        }}});
}

TEST(PublishedEncoderTest, AMaskHasItsOwnConstants) {
  Export one("bert-tiny-onnx");
  for (onnx::NodeProto& node : *one.graph().mutable_node()) {
    const bool constant = node.op_type() == "Constant" && node.attribute(0).t().data_type() == 1;
    if (!constant || node.attribute(0).t().raw_data().size() != sizeof(float)) continue;
    float value = 0.0f;
    std::memcpy(&value, node.attribute(0).t().raw_data().data(), sizeof(value));
    if (value > -1e4f) continue;
    value = -2.0f;  // weighs the tokens
    node.mutable_attribute(0)->mutable_t()->set_raw_data(&value, sizeof(value));
  }
  EXPECT_NE(one.check().find("another mask"), std::string::npos);
}

TEST(PublishedEncoderTest, AnotherConfigurationIsToldApart) {
  expect_complaints(
      "bert-tiny-onnx",
      {{"num_attention_heads", [](Export& one) { one.spec.heads = 2; }},
       {"hidden_act", [](Export& one) { one.spec.activation = Activation::kGeluTanh; }},
       {"hidden_act", [](Export& one) { one.spec.activation = Activation::kRelu; }},
       {"its output is not the normalisation",
        [](Export& one) { one.spec.layer_norm_eps = 1e-5f; }},
       {"layer 0: its output", [](Export& one) { one.spec.layers = 1; }}});
  expect_complaints("xlmr-tiny-onnx",
                    {{"its positions are counted in another way", [](Export& one) {
                        one.spec.position_offset = 3;
                        --one.spec.max_positions;
                      }}});
}

TEST(PublishedEncoderTest, AnotherHeadIsToldApart) {
  const std::string another = "its logits are not made by the head that is compared";
  const auto gather = [](Export& one) -> onnx::NodeProto& {
    return one.node("Gather", "pooler/Gather_output_0");
  };
  expect_complaints(
      "bert-reranker-tiny-onnx",
      {{another, [](Export& one) { one.node("Tanh").set_op_type("Sigmoid"); }},
       {another, [](Export& one) { one.insert_behind("logits", "Sigmoid"); }},
       {another, [&](Export& one) { Export::set_attribute(gather(one), "axis", {0}); }},
       {another, [&](Export& one) { one.insert_behind(gather(one).output(0), "Relu"); }},
       {another, [](Export& one) { one.graph().mutable_output(0)->set_name("scores"); }},
       {another, [](Export& one) { one.spec.head.classifier->activation = Activation::kRelu; }},
       {another, [](Export& one) { one.spec.head.classifier->pooling = HeadPooling::kMean; }},
       {"its token types are others",
        [](Export& one) {
          one.node("Gather", "token_type_embeddings/Gather_output_0").set_input(1, "input_ids");
        }},
       {"layer 1: its output is not the normalisation",
        [&](Export& one) { gather(one).set_input(0, kFirstLayer); }}});
}

TEST(PublishedEncoderTest, AGraphThatPoolsIsNoEncoder) {
  expect_complaints("bert-tiny-onnx", {{"it pools by itself", [](Export& one) {
                                          for (auto& output : *one.graph().mutable_output()) {
                                            output.set_name("logits");
                                          }
                                        }}});
}

TEST(PublishedEncoderTest, GraphsWithAdaptersAreComparedInTheirParts) {
  expect_complaints(
      "v3-tiny-onnx",
      {{"hidden_act", [](Export& one) { one.node("Erf").set_op_type("Tanh"); }},
       {"not what the last layer gives",
        [](Export& one) { one.insert_behind("text_embeds", "Relu"); }},
       {"does not use the tensor",
        [](Export& one) {
          const std::string other = "roberta.encoder.layers.0.norm1.bias";
          for (onnx::NodeProto& node : *one.graph().mutable_node()) {
            for (std::string& input : *node.mutable_input()) {
              if (input == "roberta.encoder.layers.1.norm1.bias") input = other;
            }
          }
        }},
       {"1 attentions", [](Export& one) { one.node("Softmax").set_op_type("Sigmoid"); }},
       {"is none of the encoder's", [](Export& one) { one.set_constants(0.25f, 0.5f); }},
       {"the scale of its attention",
        [](Export& one) { one.insert_scale(one.node("Softmax").input(0), 0.5f); }},
       {"none of the encoder's", [](Export& one) { one.spec.heads = 8; }},
       {"not what the last layer gives", [](Export& one) { one.spec.layer_norm_eps = 1e-3f; }},
       {"normalisations",
        [](Export& one) { one.insert_behind(one.node("Erf").input(0), "Sqrt"); }}});
}

}  // namespace
}  // namespace nestvec
