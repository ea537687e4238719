// SPDX-License-Identifier: Apache-2.0
// Folders that hold an ONNX export and no safetensors: which graph runs, and what is said of it.
// That the graphs compute the same is proved by parity_test.cc.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "config/model_locks.h"
#include "nestvec/model.h"
#include "support/model_copy_test.h"

namespace nestvec {
namespace {

namespace fs = std::filesystem;

class OnnxOnly : public ModelCopyTest {
 protected:
  // Gives a tensor of the graph, and all that use it, a name that says nothing: it runs as before.
  void rename(const std::string& from) {
    const fs::path path = folder_ / "onnx/model.onnx";
    std::string graph = read(path);
    std::size_t count = 0;
    for (std::size_t at = graph.find(from); at != std::string::npos; at = graph.find(from, at)) {
      graph.replace(at, from.size(), from.size(), 'x');
      ++count;
    }
    ASSERT_EQ(count, 2u) << from;
    write(path, graph);
  }

  Model load(const std::string& folder, const std::string& graph) {
    ModelConfig config;
    config.checkpoints.repo_id = folder;
    config.runtime.cache_dir = (root_ / "cache").string();
    config.runtime.graph = graph;
    lines_.clear();
    return load_model(config, [this](std::string_view line) { lines_.emplace_back(line); });
  }

  bool said(const std::string& part) const {
    return std::any_of(lines_.begin(), lines_.end(), [&](const std::string& line) {
      return line.find(part) != std::string::npos;
    });
  }

  std::vector<std::string> lines_;
};

TEST_F(OnnxOnly, GetsAGraphOfItsWeights) {
  for (const char* name : {"v3-tiny-onnx", "v3-narrow-onnx", "bert-tiny-onnx", "xlmr-tiny-onnx"}) {
    const Model model = load(model_path(name), "auto");
    EXPECT_TRUE(model.info().graph.starts_with("native ")) << model.info().graph;
    EXPECT_TRUE(model.info().graph.ends_with(", compiled from onnx/model.onnx"))
        << model.info().graph;
    EXPECT_TRUE(said("compiled in")) << name;
    load(model_path(name), "auto");
    EXPECT_FALSE(said("compil")) << name << ": the second time it is in the cache";
  }
}

TEST_F(OnnxOnly, IsCompiledAgainWhenItsDataChanges) {
  const std::string folder = copy_of("bert-tiny-onnx");
  load(folder, "auto");
  const fs::path data = folder_ / "onnx/model.onnx_data";
  fs::last_write_time(data, fs::last_write_time(data) + std::chrono::seconds(1));
  load(folder, "auto");
  EXPECT_TRUE(said("compiling again: onnx/model.onnx_data has changed"));
}

TEST_F(OnnxOnly, RunsAsItIsWhenAsked) {
  const Model model = load(model_path("v3-tiny-onnx"), "published");
  EXPECT_EQ(model.info().graph, "onnx/model.onnx as published");
  EXPECT_FALSE(fs::exists(root_ / "cache"));
}

TEST_F(OnnxOnly, IsHeldWhileItRunsAsItIs) {
  const std::string folder = copy_of("bert-tiny-onnx");
  const std::string graph = (folder_ / "onnx/model.onnx").string();
  {
    const Model model = load(folder, "published");
    EXPECT_TRUE(is_model_file_held(graph)) << "nestvec rm must see that it is loaded";
  }
  EXPECT_FALSE(is_model_file_held(graph));
}

TEST_F(OnnxOnly, RunsAsItIsWhereAWeightIsNotFound) {
  const std::string tensor = "model.encoder.layer.1.output.dense.bias";
  const std::string folder = copy_of("bert-tiny-onnx");
  const std::vector<float> expected = load(folder, "published").predict("a text");
  rename(tensor);
  const Model model = load(folder, "auto");
  EXPECT_EQ(model.info().graph, "onnx/model.onnx as published");
  EXPECT_EQ(model.predict("a text"), expected);
  // Without its bias, the product's weight has no name either.
  EXPECT_TRUE(said("as it is"));
  EXPECT_TRUE(said("no tensor model.encoder.layer.1.output.dense.weight of shape [32, 64]"));
  EXPECT_FALSE(fs::exists(root_ / "cache"));
  for (const char* graph : {"native", "portable"}) {
    try {
      load(folder, graph);
      ADD_FAILURE() << "loaded";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
      const std::string text = error.what();
      EXPECT_NE(text.find("onnx/model.onnx: no tensor model.encoder"), std::string::npos) << text;
      EXPECT_NE(text.find("set runtime.graph to published"), std::string::npos) << text;
      EXPECT_EQ(text.find('\n'), std::string::npos) << text;
    }
  }
}

TEST_F(OnnxOnly, RunsAsItIsWhereAnAdapterIsNotFound) {
  const std::string folder = copy_of("v3-tiny-onnx");
  rename("roberta.encoder.layers.0.mlp.fc1.parametrizations.weight.0.lora_B");
  EXPECT_EQ(load(folder, "auto").info().graph, "onnx/model.onnx as published");
  EXPECT_TRUE(said("layers.0.mlp.fc1.parametrizations.weight.0.lora_B"));
}

}  // namespace
}  // namespace nestvec
