// SPDX-License-Identifier: Apache-2.0
// Compiling streams: the memory in use does not depend on the size of the model.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "compile/artefact.h"
#include "nestvec/error.h"
#include "support/checkpoint.h"

namespace nestvec {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kVocabulary = 60'000;
constexpr std::size_t kHidden = 1024;
constexpr std::size_t kLayers = 7;

// A jina-embeddings-v3 of 307 MB in bf16. The data is a hole in the file: zeros that take no disk.
class HollowCheckpoint {
 public:
  void add(const std::string& name, const std::vector<std::int64_t>& shape) {
    std::uint64_t bytes = 2;
    for (const std::int64_t extent : shape) bytes *= static_cast<std::uint64_t>(extent);
    header_ += (header_.empty() ? "{" : ",") + ("\"" + name) + R"(":{"dtype":"BF16","shape":)" +
               shape_text(shape) + ",\"data_offsets\":[" + std::to_string(size_) + "," +
               std::to_string(size_ + bytes) + "]}";
    size_ += bytes;
  }
  void add_linear(const std::string& name, std::int64_t in, std::int64_t out) {
    add(name + ".parametrizations.weight.original", {out, in});
    add(name + ".parametrizations.weight.0.lora_A", {5, 4, in});
    add(name + ".parametrizations.weight.0.lora_B", {5, out, 4});
    add(name + ".bias", {out});
  }
  void add_table(const std::string& name, std::int64_t rows, std::int64_t width) {
    add(name + ".parametrizations.weight.original", {rows, width});
    add(name + ".parametrizations.weight.0.lora_A", {5, rows, 4});
    add(name + ".parametrizations.weight.0.lora_B", {5, 4, width});
  }
  void add_norm(const std::string& name, std::int64_t width) {
    add(name + ".weight", {width});
    add(name + ".bias", {width});
  }
  std::uint64_t save(const fs::path& path) const {
    const std::string file = TestCheckpoint::assemble(header_ + "}", "");
    write_text(path, file);
    fs::resize_file(path, file.size() + size_);
    return file.size() + size_;
  }

 private:
  std::string header_;
  std::uint64_t size_ = 0;
};

std::uint64_t save_model(const fs::path& folder) {
  HollowCheckpoint file;
  file.add_table("embeddings.word_embeddings", kVocabulary, kHidden);
  file.add_table("embeddings.token_type_embeddings", 1, kHidden);
  file.add_norm("emb_ln", kHidden);
  for (std::size_t i = 0; i < kLayers; ++i) {
    const std::string layer = "encoder.layers." + std::to_string(i) + ".";
    file.add_linear(layer + "mixer.Wqkv", kHidden, 3 * kHidden);
    file.add_linear(layer + "mixer.out_proj", kHidden, kHidden);
    file.add_linear(layer + "mlp.fc1", kHidden, 4 * kHidden);
    file.add_linear(layer + "mlp.fc2", 4 * kHidden, kHidden);
    file.add_norm(layer + "norm1", kHidden);
    file.add_norm(layer + "norm2", kHidden);
  }
  write_text(folder / "config.json",
             R"({"vocab_size":60000,"hidden_size":1024,"num_hidden_layers":7,)"
             R"("num_attention_heads":16,"intermediate_size":4096,"type_vocab_size":1,)"
             R"("max_position_embeddings":8194,"position_embedding_type":"rotary",)"
             R"("rotary_emb_base":20000.0,"lora_adaptations":["a","b","c","d","e"],)"
             R"("lora_rank":4,"lora_alpha":1})");
  return file.save(folder / "model.safetensors");
}

TEST(CompileMemoryTest, StaysUnder256MiBForAModelOf600) {
  TemporaryFolder folder;
  const std::uint64_t model_bytes = save_model(folder / "model");
  ASSERT_GT(model_bytes, 290'000'000u);
  const pid_t child = ::fork();
  if (child == 0) {
    int result = 1;
    try {
      const Artefact artefact =
          compile_model((folder / "model").string(), (folder / "out").string(), {});
      result = artefact.weight_bytes > 2 * model_bytes - 50'000'000 ? 0 : 1;
    } catch (const Error&) {
    }
    ::_exit(result);
  }
  int status = 0;
  rusage usage{};
  ASSERT_EQ(::wait4(child, &status, 0, &usage), child);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
  // Everything resident, the mapped source included.
  EXPECT_LT(usage.ru_maxrss / 1024, 256) << "MiB";
  RecordProperty("peak_mib", static_cast<int>(usage.ru_maxrss / 1024));
}

}  // namespace
}  // namespace nestvec
