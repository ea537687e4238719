// SPDX-License-Identifier: Apache-2.0
#include "hub/file_selection.h"

#include <gtest/gtest.h>

#include "nestvec/error.h"

namespace nestvec {
namespace {

std::vector<std::string> choose(const std::vector<std::string>& paths,
                                const FileSelection& selection = {}) {
  std::vector<RepoFile> files;
  for (const std::string& path : paths)
    files.push_back({.path = path, .sha256 = {}, .blob_id = {}});
  std::vector<std::string> chosen;
  for (const RepoFile& file : select_files(files, selection, "org/name"))
    chosen.push_back(file.path);
  return chosen;
}

using Paths = std::vector<std::string>;

TEST(FileSelection, JinaEmbeddingsV3) {
  const Paths repo = {".gitattributes",
                      "1_Pooling/config.json",
                      "README.md",
                      "config.json",
                      "config_sentence_transformers.json",
                      "custom_st.py",
                      "model.safetensors",
                      "modules.json",
                      "onnx/model.onnx",
                      "onnx/model.onnx_data",
                      "onnx/model_fp16.onnx",
                      "pytorch_model.bin",
                      "special_tokens_map.json",
                      "tokenizer.json",
                      "tokenizer_config.json"};
  EXPECT_EQ(choose(repo),
            (Paths{"1_Pooling/config.json", "README.md", "config.json",
                   "config_sentence_transformers.json", "model.safetensors", "modules.json",
                   "special_tokens_map.json", "tokenizer.json", "tokenizer_config.json"}));
  EXPECT_EQ(choose(repo, {.all = true, .include = {}}), repo);
  EXPECT_EQ(choose(repo, {.all = false, .include = {"onnx/model.onnx*"}}).size(), 11u);
}

// bge-m3 as it is published: its heads are files of torch, of which only tensors are read.
TEST(FileSelection, HeadsOfBgeM3) {
  EXPECT_EQ(choose({"colbert_linear.pt", "config.json", "onnx/model.onnx", "onnx/model.onnx_data",
                    "pytorch_model.bin", "sparse_linear.pt", "other_linear.pt"}),
            (Paths{"colbert_linear.pt", "config.json", "onnx/model.onnx", "onnx/model.onnx_data",
                   "sparse_linear.pt"}));
}

TEST(FileSelection, TheModelCardAndTheLicenceComeWithTheWeights) {
  const Paths needed = {"LICENSE", "LICENSE.md", "LICENSE.txt",
                        "NOTICE",  "README.md",  "model.safetensors"};
  Paths repo = needed;
  for (const char* other : {"onnx/README.md", "README.txt", "LICENSE.rst", "docs/LICENSE"}) {
    repo.emplace_back(other);
  }
  EXPECT_EQ(choose(repo), needed);
  EXPECT_THROW(choose({"README.md", "LICENSE", "config.json"}), Error) << "no weights";
}

TEST(FileSelection, OnnxOnlyWithoutSafetensors) {
  EXPECT_EQ(choose({"model.onnx", "onnx/model.onnx", "onnx/model.onnx.data", "onnx/model_O4.onnx",
                    "onnx/model.onnxx"}),
            (Paths{"onnx/model.onnx", "onnx/model.onnx.data"}));
  EXPECT_EQ(choose({"model.onnx", "model.onnx_data", "model_fp16.onnx"}),
            (Paths{"model.onnx", "model.onnx_data"}));
  EXPECT_EQ(choose({"model.safetensors", "onnx/model.onnx"}), (Paths{"model.safetensors"}));
  EXPECT_EQ(choose({"onnx/model_int8.onnx", "onnx/model_quantized.onnx", "onnx/decoder.onnx"}),
            (Paths{"onnx/model_quantized.onnx"}));
}

TEST(FileSelection, ShardsModulesAndAdapters) {
  const Paths needed = {"model.safetensors.index.json",
                        "model-00001-of-00002.safetensors",
                        "model-00002-of-00002.safetensors",
                        "2_Dense/config.json",
                        "2_Dense/model.safetensors",
                        "adapters/retrieval/adapter_config.json",
                        "adapters/retrieval/adapter_model.safetensors"};
  Paths repo = needed;
  for (const char* other : {"model.fp16.safetensors", "openvino/model.safetensors", "2_Dense/x.bin",
                            "_Dense/config.json", "adapters/retrieval/adapter_model.bin",
                            "a/2_Dense/config.json", "vocab.txt"}) {
    repo.emplace_back(other);
  }
  EXPECT_EQ(choose(repo), needed);
}

TEST(FileSelection, FoldersOfModulesHaveAnyNameWhereModulesJsonIsThere) {
  const Paths others = {"model.safetensors", "onnx/config.json", "a/pool/config.json",
                        "pool/x.json"};
  Paths repo = others;
  repo.insert(repo.begin(), {"modules.json", "pool/config.json"});
  EXPECT_EQ(choose(repo), (Paths{"modules.json", "pool/config.json", "model.safetensors"}));
  repo.erase(repo.begin());
  EXPECT_EQ(choose(repo), (Paths{"model.safetensors"}));
}

TEST(FileSelection, WithoutWeightsOnlyByChoice) {
  const Paths repo = {"config.json", "weights.bin", "model.safetensors.index.json"};
  EXPECT_THROW(choose(repo), Error);
  EXPECT_EQ(choose(repo, {.all = false, .include = {"*.bin"}}), repo);
  EXPECT_EQ(choose(repo, {.all = true, .include = {}}), repo);
  EXPECT_THROW(choose(repo, {.all = false, .include = {"*.bin", "*.gguf"}}), Error);
}

TEST(FileSelection, FilesOfTorchWhereThereIsNothingElse) {
  const Paths shards = {"config.json", "pytorch_model.bin.index.json",
                        "pytorch_model-00001-of-00002.bin", "pytorch_model-00002-of-00002.bin"};
  EXPECT_EQ(choose(shards), shards);
  EXPECT_EQ(
      choose({"config.json", "pytorch_model.bin", "a/pytorch_model.bin", "training_args.bin"}),
      (Paths{"config.json", "pytorch_model.bin"}));
  EXPECT_EQ(choose({"onnx/model.onnx", "pytorch_model.bin"}), (Paths{"onnx/model.onnx"}));
  EXPECT_EQ(choose({"model.safetensors", "pytorch_model.bin"}), (Paths{"model.safetensors"}));
  EXPECT_THROW(choose({"config.json", "pytorch_model.bin.index.json"}), Error);
}

TEST(FileSelection, ModulesHaveWeightsInEitherFormat) {
  EXPECT_EQ(choose({"model.safetensors", "2_Dense/pytorch_model.bin", "3_Dense/model.safetensors",
                    "3_Dense/pytorch_model.bin"}),
            (Paths{"model.safetensors", "2_Dense/pytorch_model.bin", "3_Dense/model.safetensors"}));
}

}  // namespace
}  // namespace nestvec
