// SPDX-License-Identifier: Apache-2.0
// What stands on an encoder, by config.json.
#include <gtest/gtest.h>

#include "support/spec_of.h"

namespace nestvec {
namespace {

TEST(ModelHeads, TheFirstArchitectureSaysWhatStandsOnTheEncoder) {
  const auto head = [](const std::string& members) {
    return with(R"("model_type":"bert",)" + members).head;
  };
  EXPECT_FALSE(head(R"("architectures":["BertModel"])").any());
  EXPECT_FALSE(head(R"("architectures":["BertModel","BertForSequenceClassification"])").any());
  EXPECT_FALSE(head(R"("architectures":["BertForTokenClassification"])").any());
  const std::string classifier = R"("architectures":["BertForSequenceClassification"])";
  EXPECT_EQ(head(classifier).classifier, (HeadSpec::Classifier{Activation::kTanh, 2}));
  EXPECT_EQ(head(classifier + R"(,"num_labels":5)").classifier->outputs, 5u);
  EXPECT_EQ(head(classifier + R"(,"id2label":{"0":"yes"},"num_labels":5)").classifier->outputs, 1u);
  EXPECT_NE(complaint(kSizes + R"(,"model_type":"bert","num_labels":0,)" + classifier), "");
}

TEST(ModelHeads, HeadsAreThoseOfTheirFamilies) {
  const auto head = [](const std::string& type, const std::string& architecture,
                       const std::string& more = "") {
    return *with(R"("num_labels":1,"model_type":")" + type + R"(","architectures":[")" +
                 architecture + R"(ForSequenceClassification"])" + more)
                .head.classifier;
  };
  const HeadSpec::Classifier usual = {Activation::kTanh, 1};
  EXPECT_EQ(head("roberta", "Roberta"), usual);
  EXPECT_EQ(head("new", "New"), usual);
  HeadSpec::Classifier modern = {Activation::kGelu, 1};
  modern.dense_bias = false;
  modern.norm = true;
  EXPECT_EQ(head("modernbert", "ModernBert"), modern);
  modern.pooling = HeadPooling::kMean;
  modern.dense_bias = true;
  modern.activation = Activation::kSilu;
  EXPECT_EQ(head("modernbert", "ModernBert",
                 R"(,"classifier_pooling":"mean","classifier_bias":true,)"
                 R"("classifier_activation":"silu")"),
            modern);
  HeadSpec::Classifier qwen = {Activation::kNone, 1};
  qwen.pooling = HeadPooling::kLast;
  qwen.dense = false;
  qwen.outputs_bias = false;
  EXPECT_EQ(head("qwen3", "Qwen3"), qwen);
  EXPECT_EQ(head("mpnet", "MPNet"), usual);
  HeadSpec::Classifier electra = usual;
  electra.activation = Activation::kGelu;
  EXPECT_EQ(head("electra", "Electra", R"(,"embedding_size":64)"), electra);
  EXPECT_EQ(
      head("bert", "JinaBert", R"(,"position_embedding_type":"alibi","feed_forward_type":"geglu")"),
      usual);
  const std::string base = R"(,"rope_theta":1e6)";
  HeadSpec::Classifier euro = {Activation::kGelu, 1};
  euro.pooling = HeadPooling::kLate;
  EXPECT_EQ(head("eurobert", "EuroBert", base), euro);
  euro.pooling = HeadPooling::kMean;
  EXPECT_EQ(head("eurobert", "EuroBert", base + R"(,"clf_pooling":"mean")"), euro);
  euro.pooling = HeadPooling::kFirst;
  EXPECT_EQ(
      head("eurobert", "EuroBert", base + R"(,"clf_pooling":"mean","classifier_pooling":"bos")"),
      euro);
  const auto refused = [](const std::string& members, const std::string& part) {
    const std::string text = complaint(kSizes + R"(,"architectures":[")" + members);
    EXPECT_NE(text.find(part), std::string::npos) << text;
  };
  refused(R"(Gemma3TextForSequenceClassification"],"model_type":"gemma3_text",)"
          R"("use_bidirectional_attention":true)",
          "architectures: classifiers of this family are not supported");
  refused(
      R"(EuroBertForSequenceClassification"],"model_type":"eurobert","rope_theta":1e6,"clf_pooling":"max")",
      "clf_pooling: \"max\" is not supported; bos, mean and late are");
  refused(R"(ModernBertForSequenceClassification"],"classifier_pooling":"max")",
          "classifier_pooling: \"max\" is not supported; cls and mean are");
}

// Texts alone have type 0, and only pairs need the others.
TEST(ModelHeads, OnlyAHeadMakesTheGraphTakeTypes) {
  EXPECT_FALSE(with(R"("model_type":"bert")").takes_types());
  const std::string classifier = R"("architectures":["BertForSequenceClassification"])";
  const ModelSpec bert = with(R"("model_type":"bert",)" + classifier);
  EXPECT_TRUE(bert.takes_types());
  EXPECT_EQ(bert.type_rows(), 2u);
  EXPECT_FALSE(with(R"("model_type":"bert","type_vocab_size":1,)" + classifier).takes_types());
  EXPECT_EQ(with(R"("model_type":"bert","type_vocab_size":1000,)" + classifier).type_rows(), 256u);
}

}  // namespace
}  // namespace nestvec
