// SPDX-License-Identifier: Apache-2.0
// Model folders with something wrong: a clear error that names the file, and nothing half-written.
#include <gtest/gtest.h>

#include <filesystem>

#include "compile/artefact.h"
#include "compile/manifest.h"
#include "nestvec/model.h"
#include "support/model_copy_test.h"

namespace nestvec {
namespace {

namespace fs = std::filesystem;

class CorruptModel : public ModelCopyTest {
 protected:
  void replace(const std::string& file, const std::string& from, const std::string& to) {
    std::string text = read(folder_ / file);
    const std::size_t at = text.find(from);
    ASSERT_NE(at, std::string::npos) << file << " does not hold " << from;
    write(folder_ / file, text.replace(at, from.size(), to));
  }

  // Loads the folder, which must fail with `code` and a text that holds `part`; leaves nothing
  // half-written.
  void expect_refused(ErrorCode code, const std::string& part) {
    ModelConfig config;
    config.checkpoints.repo_id = folder_.string();
    config.runtime.cache_dir = (root_ / "cache").string();
    try {
      load_model(config);
      ADD_FAILURE() << "loaded";
    } catch (const Error& error) {
      EXPECT_EQ(error_code_name(error.code()), error_code_name(code)) << error.what();
      EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
      EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos) << error.what();
    }
    expect_whole_artefacts();
  }

  // Whatever is in the cache is complete: a folder with its three files, and nothing temporary.
  void expect_whole_artefacts() {
    if (!fs::exists(root_ / "cache")) return;
    for (const fs::directory_entry& entry : fs::directory_iterator(root_ / "cache")) {
      if (!entry.is_directory()) continue;
      for (const char* file : {"model.onnx", "weights.data", "nestvec.json"}) {
        EXPECT_TRUE(fs::exists(entry.path() / file)) << entry.path() / file;
      }
    }
  }
};

TEST_F(CorruptModel, MissingFilesAreNamed) {
  for (const char* file : {"config.json", "tokenizer.json", "model.safetensors"}) {
    fs::remove(copy_of("v3-tiny") / file);
    expect_refused(ErrorCode::kNotFound, file);
  }
}

TEST_F(CorruptModel, NoSuchFolderNamesTheWayToGetIt) {
  folder_ = "nobody/no-such-model";
  expect_refused(ErrorCode::kNotFound, "nestvec pull nobody/no-such-model");
}

TEST_F(CorruptModel, BrokenJsonNamesItsFile) {
  for (const char* file : {"config.json", "tokenizer.json", "modules.json", "1_Pooling/config.json",
                           "config_sentence_transformers.json", "tokenizer_config.json"}) {
    write(copy_of("v3-tiny") / file, "{\"a\": ");
    expect_refused(ErrorCode::kDataLoss, file);
    write(copy_of("v3-tiny") / file, "");
    expect_refused(ErrorCode::kDataLoss, file);
    write(copy_of("v3-tiny") / file, "[[[[1]]]]");
    expect_refused(ErrorCode::kInvalidArgument, file);
  }
}

TEST_F(CorruptModel, SafetensorsCutAnywhereAreRefused) {
  const std::string whole = read(model_path("v3-tiny/model.safetensors"));
  for (const std::size_t size : {std::size_t{0}, std::size_t{3}, std::size_t{8}, std::size_t{100},
                                 whole.size() / 2, whole.size() - 1}) {
    write(copy_of("v3-tiny") / "model.safetensors", whole.substr(0, size));
    expect_refused(ErrorCode::kDataLoss, "model.safetensors");
  }
}

TEST_F(CorruptModel, AShardThatIsMissingIsNamed) {
  copy_of("v3-tiny-sharded");
  for (const fs::directory_entry& entry : fs::directory_iterator(folder_)) {
    const std::string name = entry.path().filename().string();
    if (!name.ends_with(".safetensors")) continue;
    fs::remove(entry.path());
    expect_refused(ErrorCode::kNotFound, name);
    break;
  }
}

TEST_F(CorruptModel, AMisshapenTensorIsNamedWithBothShapes) {
  copy_of("v3-tiny");
  replace("config.json", "\"intermediate_size\": 128", "\"intermediate_size\": 64");
  expect_refused(ErrorCode::kInvalidArgument, "[64");
}

TEST_F(CorruptModel, ConfigKeysOfTheWrongTypeAreNamed) {
  copy_of("v3-tiny");
  replace("config.json", "\"hidden_size\": 64", "\"hidden_size\": \"64\"");
  expect_refused(ErrorCode::kInvalidArgument, "hidden_size");
}

TEST_F(CorruptModel, OtherFamiliesAreNamed) {
  write(copy_of("bert-tiny") / "config.json", R"({"model_type": "t5", "d_model": 64})");
  expect_refused(ErrorCode::kUnimplemented, "t5");
}

TEST_F(CorruptModel, OnnxFilesThatAreNoneAreRefused) {
  const std::string whole = read(model_path("bert-tiny-onnx/onnx/model.onnx"));
  for (const std::string& text :
       {std::string(), std::string("not a graph"), whole.substr(0, whole.size() / 2)}) {
    write(copy_of("bert-tiny-onnx") / "onnx" / "model.onnx", text);
    expect_refused(ErrorCode::kDataLoss, "model.onnx");
  }
}

TEST_F(CorruptModel, ExternalDataThatIsCutOrGoneIsRefused) {
  const std::string whole = read(model_path("bert-tiny-onnx/onnx/model.onnx_data"));
  write(copy_of("bert-tiny-onnx") / "onnx" / "model.onnx_data", whole.substr(0, whole.size() / 2));
  expect_refused(ErrorCode::kDataLoss, "model.onnx_data");
  fs::remove(copy_of("bert-tiny-onnx") / "onnx" / "model.onnx_data");
  expect_refused(ErrorCode::kNotFound, "model.onnx_data");
}

TEST_F(CorruptModel, ATokenizerOfAnotherModelIsRefused) {
  copy_of("v3-tiny");
  replace("config.json", "\"vocab_size\": ", "\"vocab_size\": 1");
  expect_refused(ErrorCode::kInvalidArgument, "shape");
  folder_ = root_ / "model";
  copy_of("bert-tiny-onnx");
  fs::copy_file(model_path("v3-tiny/tokenizer.json"), folder_ / "tokenizer.json",
                fs::copy_options::overwrite_existing);
  expect_refused(ErrorCode::kInvalidArgument, "do not belong together");
}

TEST_F(CorruptModel, AnUnknownTokenizerComponentIsNamed) {
  copy_of("v3-tiny");
  replace("tokenizer.json", "\"WhitespaceSplit\"", "\"SplitByMoonlight\"");
  expect_refused(ErrorCode::kInvalidArgument, "SplitByMoonlight");
}

// An artefact in the cache that was cut is remade, not misread.
TEST_F(CorruptModel, ATruncatedArtefactIsRemade) {
  ModelConfig config;
  config.checkpoints.repo_id = copy_of("v3-tiny").string();
  config.runtime.cache_dir = (root_ / "cache").string();
  const std::vector<float> expected = load_model(config).predict("a text");
  std::size_t damaged = 0;
  for (const char* file : {"weights.data", "model.onnx", "nestvec.json"}) {
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(root_ / "cache")) {
      if (entry.path().filename() != file) continue;
      fs::resize_file(entry.path(), fs::file_size(entry.path()) / 2);
      ++damaged;
      break;
    }
    EXPECT_EQ(load_model(config).predict("a text"), expected);
  }
  EXPECT_EQ(damaged, 3u);
}

// A folder that `compile` wrote cannot be remade from itself.
TEST_F(CorruptModel, ACompiledFolderThatIsTruncatedOrOfAnotherVersionIsRefused) {
  const std::string compiled = (root_ / "compiled").string();
  const auto compile = [&] {
    compile_model(model_path("v3-tiny"), compiled, {.precision = "int8", .with_companions = true});
    folder_ = compiled;
  };
  compile();
  EXPECT_EQ(load_model(compiled).predict("a text"),
            load_model([&] {
              ModelConfig config;
              config.checkpoints.repo_id = model_path("v3-tiny");
              config.runtime.cache_dir = (root_ / "cache").string();
              config.runtime.precision = "int8";
              return config;
            }())
                .predict("a text"));
  fs::resize_file(folder_ / "weights.data", fs::file_size(folder_ / "weights.data") - 1);
  expect_refused(ErrorCode::kDataLoss, "weights.data");
  compile();
  const std::string version = std::to_string(Manifest::kFormatVersion);
  replace("nestvec.json", "\"format_version\": " + version, "\"format_version\": 1");
  expect_refused(ErrorCode::kFailedPrecondition, "compile the model again");
  compile();
  replace("nestvec.json", "\"layers\"", "\"storeys\"");
  expect_refused(ErrorCode::kDataLoss, "layers");
  compile();
  write(folder_ / "model.onnx", std::string(fs::file_size(folder_ / "model.onnx"), 'x'));
  expect_refused(ErrorCode::kDataLoss, "model.onnx");
  compile();
  fs::remove(folder_ / "tokenizer.json");
  expect_refused(ErrorCode::kNotFound, "tokenizer.json");
}

TEST_F(CorruptModel, ACompiledFolderIsWhatItIs) {
  const std::string compiled = (root_ / "compiled").string();
  compile_model(model_path("v3-tiny"), compiled, {.with_companions = true});
  const auto message = [&](const std::string& graph, const std::string& precision) -> std::string {
    ModelConfig config;
    config.checkpoints.repo_id = compiled;
    config.runtime.graph = graph;
    config.runtime.precision = precision;
    try {
      return load_model(config).info().graph;
    } catch (const Error& error) {
      return error.what();
    }
  };
  EXPECT_EQ(message("native", "fp32"), "native fp32, compiled before");
  EXPECT_NE(message("portable", "auto").find("holds a compiled graph"), std::string::npos);
  EXPECT_NE(message("auto", "int8").find("not what the graph computes in"), std::string::npos);
  try {
    compile_model(compiled, (root_ / "again").string(), {});
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("compiled already"), std::string::npos);
  }
}

TEST_F(CorruptModel, BudgetsThatCannotHoldAreRefusedBeforeLoading) {
  ModelConfig config;
  config.checkpoints.repo_id = copy_of("v3-tiny").string();
  config.runtime.cache_dir = (root_ / "cache").string();
  config.inference_compute_info.cpu_memory_bytes = 1 << 20;
  try {
    load_model(config);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kResourceExhausted);
    EXPECT_NE(std::string(error.what()).find("cpu_memory allows 1 MiB"), std::string::npos);
  }
}

}  // namespace
}  // namespace nestvec
