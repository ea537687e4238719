// SPDX-License-Identifier: Apache-2.0
#include "engine/model_folder.h"

#include <gtest/gtest.h>

#include "nestvec/error.h"
#include "support/checkpoint.h"
#include "support/error_of.h"

namespace nestvec {
namespace {

const std::string kStep = R"({"type": "sentence_transformers.models.)";
const std::string kTransformer = kStep + R"(Transformer", "path": ""})";
const std::string kPooling = kStep + R"(Pooling", "path": "1_Pooling"})";
const std::string kNormalize = kStep + R"(Normalize", "path": "2_Normalize"})";

class ModelFolderTest : public testing::Test {
 protected:
  ModelFolderTest() {
    put("config.json", "{}");
    put("tokenizer.json", "{}");
    weights({"embeddings.word_embeddings.weight"});
  }

  void weights(const std::vector<std::string>& names) {
    TestCheckpoint checkpoint;
    for (const std::string& name : names) checkpoint.add(name, {1}, std::vector<float>{1});
    checkpoint.save(folder_ / "model.safetensors");
  }

  void put(const std::string& name, const std::string& text) { write_text(folder_ / name, text); }
  void modules(const std::vector<std::string>& steps) {
    std::string list;
    for (const std::string& step : steps) list += (list.empty() ? "" : ",") + step;
    put("modules.json", "[" + list + "]");
  }
  void pooling(const std::string& config) { put("1_Pooling/config.json", config); }
  ModelFolder read() { return read_model_folder(folder_.string()); }
  std::string failure(const RuntimeOptions& runtime = {}) {
    return coded_error_of([&] {
      ModelFolder folder = read();
      settle_pooling(runtime, folder);
    });
  }
  void expect_failure(const std::string& code, const std::string& part) {
    const std::string text = failure();
    EXPECT_TRUE(text.starts_with(code)) << text;
    EXPECT_NE(text.find(part), std::string::npos) << text;
  }

  TemporaryFolder folder_;
};

TEST_F(ModelFolderTest, WhatNoFileSaysIsGuessedAndTold) {
  const ModelFolder folder = read();
  EXPECT_EQ(folder.pooling, Pooling::kMean);
  EXPECT_TRUE(folder.normalize);
  EXPECT_FALSE(folder.names_pooling || folder.names_normalization);
  EXPECT_NE(guessed_pooling(folder).find("runtime.pooling and runtime.normalize"),
            std::string::npos);
}

TEST_F(ModelFolderTest, ModulesAreFollowedInTheirOrder) {
  pooling(R"({"pooling_mode_cls_token": true})");
  modules({kTransformer, kPooling, kNormalize});
  EXPECT_TRUE(read().normalize);
  EXPECT_EQ(read().pooling, Pooling::kCls);
  EXPECT_EQ(guessed_pooling(read()), "");
  modules({kTransformer, kNormalize, kPooling});
  EXPECT_FALSE(read().normalize);
  EXPECT_NE(read().notes.at(0).find("Normalize stands before Pooling"), std::string::npos);
  modules({kTransformer, kPooling, kNormalize, kPooling});
  EXPECT_FALSE(read().normalize);
  modules({kTransformer, kPooling, kStep + R"(Dropout", "path": "2_Dropout"})"});
  EXPECT_FALSE(read().normalize);
}

TEST_F(ModelFolderTest, AListWithoutPoolingTakesTheFolderThatIsThereOrTheMean) {
  for (const auto& steps : {std::vector<std::string>{}, std::vector<std::string>{kTransformer}}) {
    modules(steps);
    EXPECT_EQ(read().pooling, Pooling::kMean);
    EXPECT_FALSE(read().normalize);
    EXPECT_NE(guessed_pooling(read()).find("the mean of the tokens"), std::string::npos);
  }
  pooling(R"({"pooling_mode_cls_token": true})");
  EXPECT_EQ(read().pooling, Pooling::kCls);
  EXPECT_NE(read().notes.at(0).find("lists no Pooling"), std::string::npos);
}

TEST_F(ModelFolderTest, FoldersOfModulesCountWithoutAList) {
  pooling(R"({"pooling_mode_cls_token": true})");
  EXPECT_EQ(read().pooling, Pooling::kCls);
  EXPECT_NE(guessed_pooling(read()).find("vectors are normalised; runtime.normalize"),
            std::string::npos);
  put("2_Normalize/config.json", "{}");
  EXPECT_EQ(guessed_pooling(read()), "");
  put("3_Dense/config.json", "{}");
  expect_failure("UNIMPLEMENTED", "3_Dense: the module Dense");
}

TEST_F(ModelFolderTest, ModulesThatChangeAVectorInOtherWaysAreRefused) {
  pooling("{}");
  modules({kTransformer, kPooling, kStep + R"(CNN", "path": "2_CNN"})"});
  expect_failure("UNIMPLEMENTED", "module sentence_transformers.models.CNN is not supported");
  modules({kTransformer, R"({"type": "own.Pooling", "path": "1_Pooling"})"});
  expect_failure("UNIMPLEMENTED", "module own.Pooling");
  modules({kStep + R"(Transformer", "path": "0_Transformer"})", kPooling});
  expect_failure("UNIMPLEMENTED", "the Transformer lies in 0_Transformer");
  modules({kTransformer, kTransformer});
  expect_failure("UNIMPLEMENTED", "behind another module");
  modules({kTransformer, kPooling, kNormalize});
  put("2_Normalize/config.json", R"({"module_input_name": "token_embeddings"})");
  expect_failure("UNIMPLEMENTED", "module_input_name");
  modules({R"({"type": "custom_st.Transformer", "path": ""})", kPooling});
  EXPECT_EQ(failure(), "");
}

TEST_F(ModelFolderTest, PoolingHasAnOldAndANewSpelling) {
  const std::vector<std::pair<std::string, Pooling>> cases = {
      {"{}", Pooling::kMean},
      {R"({"word_embedding_dimension": 32, "pooling_mode_max_tokens": false})", Pooling::kMean},
      {R"({"pooling_mode_lasttoken": true})", Pooling::kLast},
      {R"({"pooling_mode": "cls", "pooling_mode_mean_tokens": true})", Pooling::kCls},
      {R"({"pooling_mode": ["lasttoken"]})", Pooling::kLast}};
  for (const auto& [config, expected] : cases) {
    pooling(config);
    EXPECT_EQ(read().pooling, expected) << config;
    EXPECT_TRUE(read().include_prompt);
  }
  pooling(R"({"include_prompt": false})");
  EXPECT_FALSE(read().include_prompt);
  pooling(R"({"pooling_mode_max_tokens": true})");
  EXPECT_EQ(read().pooling, Pooling::kMax);
  pooling(R"({"pooling_mode": "median"})");
  expect_failure("UNIMPLEMENTED", "pooling_mode: pooling \"median\" is not supported");
  pooling(R"({"pooling_mode_cls_token": true, "pooling_mode_mean_tokens": true})");
  expect_failure("UNIMPLEMENTED", "several kinds of pooling");
  pooling(R"({"pooling_mode": ["mean", "cls"]})");
  expect_failure("UNIMPLEMENTED", "2 kinds of pooling");
}

TEST_F(ModelFolderTest, TheConfigurationDecidesBeforeTheFiles) {
  pooling(R"({"pooling_mode_cls_token": true})");
  modules({kTransformer, kPooling});
  ModelFolder folder = read();
  RuntimeOptions runtime;
  runtime.pooling = "lasttoken";
  runtime.normalize = "true";
  settle_pooling(runtime, folder);
  EXPECT_EQ(folder.pooling, Pooling::kLast);
  EXPECT_TRUE(folder.normalize);
  runtime.normalize = "false";
  settle_pooling(runtime, folder);
  EXPECT_FALSE(folder.normalize);
  EXPECT_EQ(guessed_pooling(folder), "");
}

TEST_F(ModelFolderTest, AClassifierIsNoEmbeddingModelUnlessSomebodySaysSo) {
  put("config.json", R"({"architectures": ["XLMRobertaForSequenceClassification"]})");
  expect_failure("INVALID_ARGUMENT", "is a classifier or reranker");
  RuntimeOptions runtime;
  runtime.pooling = "cls";
  EXPECT_EQ(failure(runtime), "");
  pooling("{}");
  ModelFolder folder = read();
  settle_pooling({}, folder);
  EXPECT_NE(folder.notes.at(0).find("only the encoder is used"), std::string::npos);
  put("config.json", R"({"architectures": ["BertForMaskedLM"]})");
  EXPECT_EQ(failure(), "");
  EXPECT_FALSE(read().is_classifier);
}

// As sentence-transformers saves a CrossEncoder; for an embedding model these are other models.
TEST_F(ModelFolderTest, ACrossEncoderHasItsOwnWords) {
  const std::string scores = R"({"transformer_task": "sequence-classification",
    "modality_config": {"text": {"method": "forward", "method_output_name": "logits"}},
    "module_output_name": "scores", "max_seq_length": 96})";
  put("sentence_bert_config.json", scores);
  expect_failure("UNIMPLEMENTED", "transformer_task");
  put("config.json", R"({"architectures": ["BertForSequenceClassification"]})");
  put("config_sentence_transformers.json", R"({"model_type": "CrossEncoder"})");
  EXPECT_TRUE(read().is_classifier);
  EXPECT_EQ(read().max_tokens, 96u);
  put("sentence_bert_config.json", R"({"module_output_name": "logits"})");
  expect_failure("UNIMPLEMENTED", "module_output_name");
  put("sentence_bert_config.json", "{}");
  put("config.json", R"({"architectures": ["BertModel"]})");
  expect_failure("UNIMPLEMENTED", "CrossEncoder");
}

TEST_F(ModelFolderTest, AClassifierShowsInItsWeights) {
  EXPECT_EQ(failure(), "");
  for (const char* name : {"classifier.weight", "model.classifier.dense.bias", "score.weight"}) {
    weights({"embeddings.word_embeddings.weight", name});
    expect_failure("INVALID_ARGUMENT", std::string("its weights have ") + name);
  }
  weights({"embeddings.word_embeddings.weight", "subclassifier.weight"});
  EXPECT_EQ(failure(), "");
}

TEST_F(ModelFolderTest, TheLengthHasAnOrderOfFiles) {
  EXPECT_EQ(read().max_tokens, 0u);
  put("tokenizer_config.json", R"({"model_max_length": 128})");
  EXPECT_EQ(read().max_tokens, 128u);
  put("sentence_xlnet_config.json", R"({"max_seq_length": 256})");
  EXPECT_EQ(read().max_tokens, 256u);
  put("sentence_xlm-roberta_config.json",
      R"({"max_seq_length": 16, "tokenizer_args": {"model_max_length": 8}})");
  EXPECT_EQ(read().max_tokens, 8u);
  put("sentence_bert_config.json", R"({"max_seq_length": null})");
  EXPECT_EQ(read().max_tokens, 128u);
  for (const char* none : {"-1", "1e30", "1000000000000000019884624838656", "Infinity"}) {
    put("tokenizer_config.json", R"({"model_max_length": )" + std::string(none) + "}");
    EXPECT_EQ(read().max_tokens, 0u) << none;
  }
  put("tokenizer_config.json", R"({"model_max_length": 0})");
  expect_failure("INVALID_ARGUMENT", "model_max_length: expected a positive number");
  put("tokenizer_config.json", R"({"truncation_side": "left"})");
  EXPECT_TRUE(read().truncates_left.value());
  put("tokenizer_config.json", R"({"max_len": 9})");
  EXPECT_FALSE(read().truncates_left.has_value());
  EXPECT_EQ(read().max_tokens, 9u);
}

TEST_F(ModelFolderTest, OtherKindsOfModelsAreRefused) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {R"({"transformer_task": "fill-mask"})", "transformer_task"},
      {R"({"query_length": 32})", "query_length"},
      {R"({"processing_kwargs": {"text": {"max_length": 3}}})", "processing_kwargs"},
      {R"({"modality_config": {"image": {}}})", "the modality \"text\""},
      {R"({"config_args": {"hidden_act": "relu"}})", "config_args.hidden_act"}};
  for (const auto& [config, part] : cases) {
    put("sentence_bert_config.json", config);
    expect_failure("UNIMPLEMENTED", part);
  }
  put("sentence_bert_config.json",
      R"({"transformer_task": "feature-extraction", "module_output_name": "token_embeddings",
          "modality_config": {"text": {"method": "forward",
                                       "method_output_name": "last_hidden_state"}},
          "model_args": {"torch_dtype": "float16"}, "processing_kwargs": {}, "unpad_inputs": true})");
  EXPECT_EQ(failure(), "");
  put("config_sentence_transformers.json", R"({"model_type": "CrossEncoder"})");
  expect_failure("UNIMPLEMENTED", "model_type: \"CrossEncoder\"");
}

TEST_F(ModelFolderTest, DimensionsAndPromptsMayBeStatedTwice) {
  put("config.json", R"({"truncate_dim": 32, "task_instructions": {"a": null}})");
  EXPECT_EQ(read().dimensions, 32u);
  put("config_sentence_transformers.json",
      R"({"truncate_dim": 16.0, "prompts": {"query": null, "passage": "p: "}})");
  const ModelFolder folder = read();
  EXPECT_EQ(folder.dimensions, 16u);
  ASSERT_EQ(folder.prompts.size(), 2u);
  EXPECT_EQ(folder.prompts[0].second, "");
  put("config_sentence_transformers.json", R"({"truncate_dim": 0})");
  expect_failure("INVALID_ARGUMENT", "truncate_dim: expected a number of at least 1");
}

TEST_F(ModelFolderTest, SaysWhichOfSeveralGraphsIsTaken) {
  std::filesystem::remove(folder_ / "model.safetensors");
  put("onnx/model_O2.onnx", "");
  EXPECT_TRUE(read().notes.empty());
  put("onnx/model_quantized.onnx", "");
  EXPECT_EQ(read().notes.at(0), "of 2 ONNX files onnx/model_O2.onnx is used");
}

}  // namespace
}  // namespace nestvec
