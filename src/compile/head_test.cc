// SPDX-License-Identifier: Apache-2.0
// What stands on an encoder, from a checkpoint into a compiled folder.
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <string_view>

#include "base/file.h"
#include "compile/artefact.h"
#include "compile/fingerprint.h"
#include "support/checkpoint.h"
#include "support/error_of.h"
#include "support/folders.h"

namespace nestvec {
namespace {

namespace fs = std::filesystem;

class CompiledHead : public testing::Test {
 protected:
  std::string output() const { return (folder_ / "out").string(); }

  TemporaryFolder folder_;
};

TEST_F(CompiledHead, AClassifierBringsItsHead) {
  const std::string reranker = test_data() + "/../models/bert-reranker-tiny";
  for (const char* layout : {"packed", "padded"}) {
    compile_model(reranker, output(), {.layout = layout});
    EXPECT_EQ(open_artefact(output()).spec.head, read_model_spec(reranker).head);
    compile_model(reranker, output(), {.layout = layout, .head = false});
    EXPECT_FALSE(open_artefact(output()).spec.head.any());
  }
}

TEST_F(CompiledHead, AClassifierWithoutItsHeadIsRefused) {
  const fs::path copy = folder_ / "copy";
  fs::copy(test_data() + "/../models/xlmr-tiny", copy, fs::copy_options::recursive);
  std::string config = read_file((copy / "config.json").string(), 10000);
  constexpr std::string_view kNone = "\"architectures\": null";
  config.replace(config.find(kNone), kNone.size(),
                 R"("architectures": ["XLMRobertaForSequenceClassification"])");
  write_text(copy / "config.json", config);
  const std::string error = coded_error_of([&] { compile_model(copy.string(), output(), {}); });
  EXPECT_TRUE(error.starts_with("INVALID_ARGUMENT")) << error;
  EXPECT_NE(error.find("no tensor classifier.dense.weight of shape"), std::string::npos) << error;
  EXPECT_NE(error.find("runtime.pooling"), std::string::npos) << error;
  compile_model(copy.string(), output(), {.head = false});
}

TEST_F(CompiledHead, EveryKindIsKeptInTheManifest) {
  for (const std::string name :
       {"modernbert-reranker-tiny", "modernbert-classifier-tiny", "distilbert-reranker-tiny",
        "qwen3-classifier-tiny", "qwen3-reranker-tiny", "eurobert-reranker-tiny",
        "eurobert-classifier-tiny"}) {
    const std::string model = test_data() + "/../models/" + name;
    const HeadSpec head = read_model_spec(model).head;
    ASSERT_TRUE(head.classifier) << name;
    EXPECT_NE(*head.classifier, (HeadSpec::Classifier{Activation::kTanh, 1})) << name;
    for (const char* layout : {"packed", "padded"}) {
      compile_model(model, output(), {.layout = layout, .precision = "fp32"});
      EXPECT_EQ(open_artefact(output()).spec.head, head) << name << " " << layout;
    }
  }
}

// As jina-reranker-v1's folders, whose config.json has neither the class nor the number of labels.
TEST_F(CompiledHead, AnUnnamedClassifierIsToldByItsWeights) {
  const fs::path copy = folder_ / "copy";
  fs::copy(test_data() + "/../models/jina-v2-reranker-tiny", copy, fs::copy_options::recursive);
  const HeadSpec::Classifier expected = {Activation::kTanh, 1};
  EXPECT_EQ(read_model_spec(copy.string()).head.classifier, expected);
  const std::string config = read_file((copy / "config.json").string(), 10000);
  constexpr std::string_view kMasked = "JinaBertForMaskedLM";
  const auto with_architecture = [&](const std::string& name) {
    std::string text = config;
    text.replace(text.find(kMasked), kMasked.size(), name);
    write_text(copy / "config.json", text);
    return read_model_spec(copy.string()).head.classifier;
  };
  EXPECT_EQ(with_architecture("JinaBertModel"), expected);
  EXPECT_EQ(with_architecture("JinaBertForSequenceClassification"), expected);
  EXPECT_EQ(with_architecture(R"(JinaBertForSequenceClassification"], "num_labels": 3, "_": [")")
                ->outputs,
            3u);
  EXPECT_FALSE(with_architecture("JinaBertForTokenClassification"));
  EXPECT_FALSE(read_model_spec(test_data() + "/../models/jina-v2-tiny").head.any());
}

// As transformers has it: the logits are those of the word table only where config.json says so.
TEST_F(CompiledHead, LogitsAreOfTheTableThatConfigNames) {
  const fs::path copy = folder_ / "copy";
  fs::copy(test_data() + "/../models/qwen3-reranker-tiny", copy, fs::copy_options::recursive);
  std::string config = read_file((copy / "config.json").string(), 10000);
  constexpr std::string_view kTied = "\"tie_word_embeddings\": true";
  config.replace(config.find(kTied), kTied.size(), "\"tie_word_embeddings\": false");
  write_text(copy / "config.json", config);
  EXPECT_NE(coded_error_of([&] {
              compile_model(copy.string(), output(), {});
            }).find("no tensor lm_head.weight of shape [440, 32]"),
            std::string::npos);
  write_text(copy / "1_LogitScore/config.json", R"({"true_token_id": 440})");
  EXPECT_NE(coded_error_of([&] {
              read_model_spec(copy.string());
            }).find("true_token_id: is not a token of the vocabulary"),
            std::string::npos);
  fs::remove(copy / "modules.json");
  EXPECT_EQ(read_model_spec(copy.string()).head.classifier->tokens.size(), 2u);
  fs::remove(copy / "tokenizer_config.json");
  EXPECT_FALSE(read_model_spec(copy.string()).head.any());
}

// The two uses of a classifier's folder do not compile in turn, and what lacks the head is not
// taken for what has it.
TEST_F(CompiledHead, CacheKnowsTheHead) {
  const std::string reranker = test_data() + "/../models/bert-reranker-tiny";
  const std::string cache = (folder_ / "cache").string();
  const ModelSpec spec = read_model_spec(reranker);
  ModelSpec encoder = spec;
  encoder.head = {};
  const Artefact scores = compile_into_cache(reranker, spec, cache, {});
  const Artefact vectors = compile_into_cache(reranker, encoder, cache, {.head = false});
  EXPECT_NE(scores.folder, vectors.folder);
  fs::copy(vectors.folder, scores.folder,
           fs::copy_options::overwrite_existing | fs::copy_options::recursive);
  std::string said;
  compile_into_cache(reranker, spec, cache, {}, [&](std::string_view line) { said += line; });
  EXPECT_NE(said.find("another head"), std::string::npos) << said;
  EXPECT_TRUE(open_artefact(scores.folder).spec.head.any());
}

TEST_F(CompiledHead, SparseHeadsAreKeptInTheManifest) {
  for (const std::string name : {"bge-m3-tiny", "splade-tiny", "splade-roberta-tiny"}) {
    const std::string model = test_data() + "/../models/" + name;
    const HeadSpec head = read_model_spec(model).head;
    EXPECT_TRUE(head.any_sparse()) << name;
    for (const char* layout : {"packed", "rectangular"}) {
      compile_model(model, output(), {.layout = layout});
      EXPECT_EQ(open_artefact(output()).spec.head, head) << name << " " << layout;
    }
  }
  const std::string splade = test_data() + "/../models/splade-tiny";
  EXPECT_NE(coded_error_of([&] {
              compile_model(splade, output(), {.layout = "padded"});
            }).find("a padded graph does not give"),
            std::string::npos);
}

// bge-m3's own code wants both; a file that changes is compiled anew.
TEST_F(CompiledHead, HeadsOfTokensCountTogetherAndAreAPartOfTheSource) {
  const fs::path copy = folder_ / "copy";
  fs::copy(test_data() + "/../models/bge-m3-tiny", copy, fs::copy_options::recursive);
  const ModelSpec spec = read_model_spec(copy.string());
  EXPECT_EQ(spec.head.token_vectors, 24u);
  const Fingerprint before = fingerprint_of(copy.string(), spec);
  fs::copy_file(copy / "colbert_linear.pt", copy / "kept.pt");
  fs::remove(copy / "colbert_linear.pt");
  EXPECT_FALSE(read_model_spec(copy.string()).head.any());
  fs::rename(copy / "kept.pt", copy / "colbert_linear.pt");
  fs::last_write_time(copy / "sparse_linear.pt", fs::file_time_type::clock::now());
  EXPECT_NE(difference(before, fingerprint_of(copy.string(), spec)), "");
}

}  // namespace
}  // namespace nestvec
