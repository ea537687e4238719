// SPDX-License-Identifier: Apache-2.0
#include "engine/read_score_rules.h"

#include <gtest/gtest.h>

#include "nestvec/error.h"
#include "support/checkpoint.h"
#include "support/error_of.h"

namespace nestvec {
namespace {

class ScoreRulesTest : public testing::Test {
 protected:
  void put(const std::string& name, const std::string& text) { write_text(folder_ / name, text); }
  ScoreRules read_with(const std::string& config) {
    put("config.json", config);
    return read_score_rules(folder_.string());
  }
  void expect_refusal(const std::string& code, const std::string& part) {
    const std::string text = coded_error_of([&] { read_score_rules(folder_.string()); });
    EXPECT_TRUE(text.starts_with(code)) << text;
    EXPECT_NE(text.find(part), std::string::npos) << text;
  }

  TemporaryFolder folder_;
};

const std::string kOne = R"("id2label": {"0": "LABEL_0"})";
const std::string kThree = R"("id2label": {"2": "c", "0": "a", "1": "b"})";

TEST_F(ScoreRulesTest, LabelsStandInTheOrderOfTheOutputs) {
  EXPECT_EQ(read_with("{" + kThree + "}").labels, (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_EQ(read_with("{}").labels, (std::vector<std::string>{"LABEL_0", "LABEL_1"}));
  EXPECT_EQ(read_with(R"({"num_labels": 1})").labels, (std::vector<std::string>{"LABEL_0"}));
  EXPECT_EQ(read_with(R"({"num_labels": 1, "id2label": {"0": "x", "1": "y"}})").labels,
            (std::vector<std::string>{"x", "y"}));
  EXPECT_EQ(read_score_rules(folder_.string(), false, 3).labels.size(), 2u);
  put("config.json", "{}");
  EXPECT_EQ(read_score_rules(folder_.string(), false, 3).labels.size(), 3u);
  // Numbers of strangers: the manifest's does not then fit, which is an error.
  EXPECT_EQ(read_score_rules(folder_.string(), false, std::size_t{1} << 60).labels.size(), 4096u);
  put("config.json", R"({"id2label": {"1": "a", "2": "b"}})");
  expect_refusal("INVALID_ARGUMENT",
                 "config.json: id2label: expected a name for each of the outputs 0 to 1; \"0\" is "
                 "missing");
  put("config.json", R"({"num_labels": 0})");
  expect_refusal("INVALID_ARGUMENT", "num_labels: expected a number between 1 and 4096");
  put("config.json", R"({"num_labels": 4097})");
  expect_refusal("INVALID_ARGUMENT", "num_labels: expected a number between 1 and 4096");
}

TEST_F(ScoreRulesTest, TheActivationFollowsTheLabelsUnlessAFileNamesIt) {
  const ScoreRules one = read_with("{" + kOne + "}");
  EXPECT_EQ(one.activation, ScoreActivation::kSigmoid);
  EXPECT_FALSE(one.names_activation);
  const auto several = [&](const std::string& type) {
    return read_with("{" + kThree + R"(, "problem_type": )" + type + "}").activation;
  };
  EXPECT_EQ(several("null"), ScoreActivation::kSoftmax);
  EXPECT_EQ(several("\"single_label_classification\""), ScoreActivation::kSoftmax);
  EXPECT_EQ(several("\"multi_label_classification\""), ScoreActivation::kSigmoid);
  EXPECT_EQ(several("\"regression\""), ScoreActivation::kNone);
  put("config.json", "{" + kThree + R"(, "problem_type": "other"})");
  expect_refusal("INVALID_ARGUMENT", "problem_type: expected single_label_classification");
}

// config_sentence_transformers.json, then the new key of config.json, then the old one.
TEST_F(ScoreRulesTest, TheNewestPlaceOfTheActivationCounts) {
  const std::string old =
      R"("sbert_ce_default_activation_function": "torch.nn.modules.activation.Sigmoid")";
  const ScoreRules oldest = read_with("{" + kThree + "," + old + "}");
  EXPECT_EQ(oldest.activation, ScoreActivation::kSigmoid);
  EXPECT_TRUE(oldest.names_activation);
  const std::string both =
      "{" + kThree + "," + old +
      R"(, "sentence_transformers": {"activation_fn": "torch.nn.modules.linear.Identity"}})";
  EXPECT_EQ(read_with(both).activation, ScoreActivation::kNone);
  put("config_sentence_transformers.json",
      R"({"activation_fn": "torch.nn.modules.activation.Softmax"})");
  EXPECT_EQ(read_with(both).activation, ScoreActivation::kSoftmax);
  put("config_sentence_transformers.json", R"({"activation_fn": null})");
  EXPECT_EQ(read_with(both).activation, ScoreActivation::kNone);
}

TEST_F(ScoreRulesTest, AnUnknownActivationIsRefusedByItsKey) {
  put("config.json", R"({"sentence_transformers": {"activation_fn": "my.module.Scale"}})");
  expect_refusal("UNIMPLEMENTED",
                 "config.json: sentence_transformers.activation_fn: the activation function "
                 "\"my.module.Scale\" is not supported");
  put("config.json", R"({"sbert_ce_default_activation_function": "torch.nn.ReLU"})");
  expect_refusal("UNIMPLEMENTED", "sbert_ce_default_activation_function");
}

TEST_F(ScoreRulesTest, ArgumentsOfTheTokenizerCount) {
  EXPECT_EQ(read_with("{}").truncation, PairTruncation::kLongestFirst);
  put("sentence_bert_config.json",
      R"({"processing_kwargs": {"text": {"truncation": "only_second", "max_length": 96,
                                         "padding": true}, "common": {}}})");
  EXPECT_EQ(read_with("{}").truncation, PairTruncation::kOnlySecond);
  EXPECT_EQ(read_with("{}").max_tokens, 96u);
  put("sentence_bert_config.json", R"({"processing_kwargs": {"text": {"truncation": true}}})");
  EXPECT_EQ(read_with("{}").truncation, PairTruncation::kLongestFirst);
  for (const char* text : {R"({"truncation": false})", R"({"truncation": "only_first"})",
                           R"({"add_special_tokens": false})"}) {
    put("sentence_bert_config.json",
        R"({"processing_kwargs": {"text": )" + std::string(text) + "}}");
    expect_refusal("UNIMPLEMENTED", "processing_kwargs.text.");
  }
  put("sentence_bert_config.json", R"({"processing_kwargs": {"image": {"size": 3}}})");
  expect_refusal("UNIMPLEMENTED", "processing_kwargs.image");
}

TEST_F(ScoreRulesTest, TypesAreLeftOutWhereTheTokenizerLeavesThemOut) {
  EXPECT_TRUE(read_with("{}").token_types);
  put("tokenizer_config.json", R"({"model_input_names": ["input_ids", "attention_mask"]})");
  EXPECT_FALSE(read_with("{}").token_types);
  put("tokenizer_config.json", R"({"model_input_names": ["input_ids", "token_type_ids"]})");
  EXPECT_TRUE(read_with("{}").token_types);
}

TEST_F(ScoreRulesTest, AChatTemplateLaysPairsOutUnlessTheModalitiesLeaveItOut) {
  EXPECT_FALSE(read_with("{}").layout);
  const auto of_role = [](const std::string& role) {
    return "{{ messages | selectattr('role', 'eq', '" + role +
           "') | map(attribute='content') | first }}";
  };
  put("tokenizer_config.json", R"({"chat_template": [{"name": "other", "template": "x"},)"
                               R"({"name": "default", "template": "Q: )" +
                                   of_role("query") + "D: " + of_role("document") + R"("}]})");
  const auto layout = read_with("{}").layout;
  ASSERT_TRUE(layout);
  EXPECT_EQ(layout->head_of("a", ""), "Q: aD:");
  put("chat_template.jinja", of_role("query") + "\n" + of_role("document"));
  expect_refusal("UNIMPLEMENTED", "chat_template.jinja: the chat template has no single space");
  put("sentence_bert_config.json", R"({"modality_config": {"text": {}}})");
  EXPECT_FALSE(read_with("{}").layout);
  put("chat_template.jinja", "{% for message in messages %}{% endfor %}");
  put("sentence_bert_config.json",
      R"({"modality_config": {"text": {}, "message": {"format": "flat"}}})");
  expect_refusal("UNIMPLEMENTED", "modality_config.message: is not supported without a chat");
  put("sentence_bert_config.json",
      R"({"modality_config": {"text": {}, "message": {"format": "structured"}}})");
  expect_refusal("UNIMPLEMENTED", "format: is not supported; flat is");
  put("sentence_bert_config.json",
      R"({"processing_kwargs": {"chat_template": {"enable_thinking": true}}})");
  expect_refusal("UNIMPLEMENTED", "enable_thinking: is not supported");
}

TEST_F(ScoreRulesTest, ALanguageModelHasOneLabel) {
  put("config.json", "{" + kThree + "}");
  const ScoreRules rules = read_score_rules(folder_.string(), true);
  EXPECT_EQ(rules.labels, (std::vector<std::string>{"LABEL_0"}));
  EXPECT_EQ(rules.activation, ScoreActivation::kSigmoid);
}

TEST(ActivationName, IsWhatModelInfoSays) {
  EXPECT_STREQ(activation_name(ScoreActivation::kNone), "none");
  EXPECT_STREQ(activation_name(ScoreActivation::kSigmoid), "sigmoid");
  EXPECT_STREQ(activation_name(ScoreActivation::kSoftmax), "softmax");
}

}  // namespace
}  // namespace nestvec
