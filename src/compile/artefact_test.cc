// SPDX-License-Identifier: Apache-2.0
#include "compile/artefact.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <fstream>

#include "base/file.h"
#include "compile/atomic_folder.h"
#include "compile/manifest.h"
#include "nestvec/error.h"
#include "support/error_of.h"
#include "support/folders.h"
#include "support/test_model.h"

namespace nestvec {
namespace {

namespace fs = std::filesystem;

ModelSpec small_spec() {
  ModelSpec spec;
  spec.vocabulary = 300;
  spec.hidden = 32;
  spec.layers = 1;
  spec.heads = 2;
  spec.intermediate = 64;
  spec.token_types = 1;
  spec.max_positions = 128;
  spec.layer_norm_eps = 1e-5f;
  spec.positions = PositionKind::kRotary;
  spec.rotary_base = 20000.0;
  spec.pad_id = 1;
  spec.adapters.tasks = {"retrieval.query", "separation"};
  spec.adapters.rank = 4;
  spec.adapters.scaling = 0.25f;
  return spec;
}

class ArtefactTest : public testing::Test {
 protected:
  void SetUp() override { TestModel(small_spec(), Publication::kJina).save(folder_ / "model"); }

  std::string model() const { return (folder_ / "model").string(); }
  std::string output() const { return (folder_ / "out").string(); }
  Artefact compile(const CompileOptions& options = {}) {
    return compile_model(model(), output(), options);
  }
  // Compiles into the cache; `lines` gets what was said.
  Artefact cached() {
    lines_.clear();
    return compile_into_cache(model(), read_model_spec(model()), (folder_ / "cache").string(), {},
                              [this](std::string_view line) { lines_.emplace_back(line); });
  }
  bool said(const std::string& part) const {
    return std::any_of(lines_.begin(), lines_.end(), [&](const std::string& line) {
      return line.find(part) != std::string::npos;
    });
  }
  std::size_t entries(const fs::path& path) const {
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator(path), fs::directory_iterator()));
  }

  TemporaryFolder folder_;
  std::vector<std::string> lines_;
};

TEST_F(ArtefactTest, AChecksumShowsDamage) {
  for (const char* name : {"model.onnx", "weights.data"}) {
    for (const bool checksum : {false, true}) {
      compile_model(test_data() + "/../models/bert-tiny", output(), {.checksum = checksum});
      EXPECT_EQ(coded_error_of([&] { open_artefact(output()); }), "");
      const fs::path path = folder_ / "out" / name;
      ASSERT_GT(fs::file_size(path), 0u);
      std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
      const auto last = static_cast<std::streamoff>(fs::file_size(path) - 1);
      file.seekg(last);
      const int was = file.get();
      file.seekp(last);
      file.put(static_cast<char>(was ^ 1));
      file.close();
      const std::string said = coded_error_of([&] { open_artefact(output()); });
      EXPECT_EQ(said.find("checksum") != std::string::npos, checksum) << name << ": " << said;
      EXPECT_EQ(said.starts_with("DATA_LOSS"), checksum) << said;
    }
  }
}

TEST_F(ArtefactTest, IsWholeAndSaysWhatItIs) {
  const Artefact artefact = compile({.layout = "padded", .max_tokens = 100});
  EXPECT_EQ(artefact.layout, "padded");
  EXPECT_EQ(artefact.precision, "fp32");
  EXPECT_EQ(artefact.max_tokens, 100u);
  EXPECT_EQ(artefact.spec.family, "jina-embeddings-v3");
  EXPECT_EQ(artefact.weight_bytes, fs::file_size(folder_ / "out/model.onnx") +
                                       fs::file_size(folder_ / "out/weights.data"));
  EXPECT_EQ(entries(folder_ / "out"), 3u);
  EXPECT_EQ(entries(folder_ / ""), 2u);  // the model and the artefact
}

TEST_F(ArtefactTest, RemembersItsSpec) {
  const ModelSpec expected = read_model_spec(model());
  compile();
  const ModelSpec found = open_artefact(output()).spec;
  EXPECT_EQ(found.family, expected.family);
  EXPECT_EQ(found.vocabulary, expected.vocabulary);
  EXPECT_EQ(found.hidden, expected.hidden);
  EXPECT_EQ(found.layers, expected.layers);
  EXPECT_EQ(found.heads, expected.heads);
  EXPECT_EQ(found.intermediate, expected.intermediate);
  EXPECT_EQ(found.token_types, expected.token_types);
  EXPECT_EQ(found.max_positions, expected.max_positions);
  EXPECT_EQ(found.layer_norm_eps, expected.layer_norm_eps);
  EXPECT_EQ(found.activation, expected.activation);
  EXPECT_EQ(found.positions, expected.positions);
  EXPECT_EQ(found.position_offset, expected.position_offset);
  EXPECT_EQ(found.rotary_base, expected.rotary_base);
  EXPECT_EQ(found.pad_id, expected.pad_id);
  EXPECT_EQ(found.adapters.tasks, expected.adapters.tasks);
  EXPECT_EQ(found.adapters.rank, expected.adapters.rank);
  EXPECT_EQ(found.adapters.scaling, expected.adapters.scaling);
  EXPECT_EQ(found.matryoshka_dimensions, expected.matryoshka_dimensions);
}

TEST_F(ArtefactTest, ReplacesAnOlderOneButNothingElse) {
  compile();
  EXPECT_EQ(compile({.layout = "padded"}).layout, "padded");
  EXPECT_EQ(entries(folder_ / ""), 2u);
  write_text(folder_ / "mine/letter", "keep me");
  const auto into_mine = [&] { compile_model(model(), (folder_ / "mine").string(), {}); };
  EXPECT_NE(coded_error_of(into_mine).find("ALREADY_EXISTS"), std::string::npos);
  EXPECT_EQ(read_file((folder_ / "mine/letter").string(), 100), "keep me");
}

TEST_F(ArtefactTest, RefusesOptionsThatItDoesNotKnow) {
  EXPECT_NE(coded_error_of([&] { compile({.layout = "round"}); }).find("rectangular or padded"),
            std::string::npos);
  const auto portable = [&] { compile({.layout = "padded", .precision = "bf16"}); };
  EXPECT_NE(coded_error_of(portable).find("UNIMPLEMENTED"), std::string::npos);
  EXPECT_NE(coded_error_of([&] {
              compile({.precision = "fp8"});
            }).find("fp32, bf16, int8-weights or int8"),
            std::string::npos);
  EXPECT_NE(coded_error_of([&] { compile({.max_tokens = 129}); }).find("over the model's 128"),
            std::string::npos);
  EXPECT_EQ(entries(folder_ / ""), 1u);
}

// The kernels' buffers end there.
TEST_F(ArtefactTest, RefusesHeadsThatAreTooWideForANativeGraph) {
  ModelSpec spec = small_spec();
  spec.hidden = 258;
  spec.heads = 1;
  TestModel(spec, Publication::kJina).save(folder_ / "model");
  EXPECT_NE(coded_error_of([&] { compile(); }).find("heads of 258 elements are over the 256"),
            std::string::npos);
  EXPECT_EQ(entries(folder_ / ""), 1u);
  EXPECT_EQ(compile({.layout = "padded"}).layout, "padded");
  spec.hidden = 256;
  TestModel(spec, Publication::kJina).save(folder_ / "model");
  EXPECT_EQ(compile().layout, "packed");
}

TEST_F(ArtefactTest, NamesTheTensorThatDoesNotFit) {
  const fs::path config = folder_ / "model/config.json";
  std::string text = read_file(config.string(), 10000);
  const auto set = [&](const std::string& from, const std::string& to) {
    std::string changed = text;
    changed.replace(changed.find(from), from.size(), to);
    write_text(config, changed);
    return coded_error_of([&] { compile(); });
  };
  EXPECT_NE(set("\"vocab_size\": 300", "\"vocab_size\": 301")
                .find("word_embeddings.parametrizations.weight.original has shape [300, 32], "
                      "expected [301, 32]"),
            std::string::npos);
  EXPECT_NE(set("\"num_hidden_layers\": 1", "\"num_hidden_layers\": 2")
                .find("no tensor roberta.encoder.layers.1.mixer.Wqkv.weight of shape [96, 32]"),
            std::string::npos);
  EXPECT_NE(set("\"lora_rank\": 4", "\"lora_rank\": 8").find("lora_A has shape [2, 300, 4]"),
            std::string::npos);
  EXPECT_NE(set("\"separation\"", "\"a\", \"b\"").find("expected [3, 300, 4]"), std::string::npos);
  EXPECT_EQ(entries(folder_ / ""), 1u);
}

TEST_F(ArtefactTest, RefusesNamesOfNoPublication) {
  TestCheckpoint checkpoint;
  checkpoint.add("blocks.0.w", {1}, std::vector<float>{1});
  checkpoint.save(folder_ / "model/model.safetensors");
  const std::string text = coded_error_of([&] { compile(); });
  EXPECT_NE(text.find("unknown tensor names"), std::string::npos) << text;
  EXPECT_NE(text.find("blocks.0.w"), std::string::npos) << text;
}

TEST_F(ArtefactTest, SaysWhatIsMissing) {
  fs::remove(folder_ / "model/model.safetensors");
  EXPECT_NE(coded_error_of([&] { compile(); }).find("NOT_FOUND"), std::string::npos);
  EXPECT_NE(coded_error_of([&] { open_artefact(output()); }).find("NOT_FOUND"), std::string::npos);
}

// A limit on the size of files stands in for a full disk: the same write fails in the same place.
TEST_F(ArtefactTest, LeavesNothingWhenWritingFails) {
  signal(SIGXFSZ, SIG_IGN);
  rlimit old{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &old), 0);
  const rlimit small{4'000, old.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const std::string text = coded_error_of([&] { compile(); });
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &old), 0);
  signal(SIGXFSZ, SIG_DFL);
  EXPECT_NE(text.find("RESOURCE_EXHAUSTED"), std::string::npos) << text;
  EXPECT_NE(text.find("/out."), std::string::npos) << text;
  EXPECT_EQ(entries(folder_ / ""), 1u);
}

TEST_F(ArtefactTest, LeavesNothingWhenItIsStopped) {
  std::stop_source stop;
  CompileOptions options;
  options.control.stop = stop.get_token();
  const auto when_said = [&stop](std::string_view what) {
    return [&stop, what](std::string_view line) {
      if (line.find(what) != std::string_view::npos) stop.request_stop();
    };
  };
  const std::string cache = (folder_ / "cache").string();
  const ModelSpec spec = read_model_spec(model());
  const std::string text = coded_error_of(
      [&] { compile_into_cache(model(), spec, cache, options, when_said("compiling")); });
  EXPECT_NE(text.find("CANCELLED"), std::string::npos) << text;
  EXPECT_EQ(entries(cache), 1u) << "the lock alone";

  // Also while it waits for another process, which has the lock here.
  const std::string lock_path = fs::directory_iterator(cache)->path().string();
  const FileLock held = FileLock::wait(lock_path);
  stop = std::stop_source();
  options.control.stop = stop.get_token();
  EXPECT_NE(coded_error_of([&] {
              compile_into_cache(model(), spec, cache, options, when_said("waiting"));
            }).find("CANCELLED"),
            std::string::npos);
}

TEST_F(ArtefactTest, CacheReusesWhatFits) {
  const Artefact first = cached();
  EXPECT_TRUE(said("compiled in"));
  const Artefact second = cached();
  EXPECT_TRUE(lines_.empty());
  EXPECT_EQ(first.folder, second.folder);
}

TEST_F(ArtefactTest, CacheRemakesWhatChanged) {
  const Artefact artefact = cached();
  const fs::path weights = folder_ / "model/model.safetensors";
  fs::last_write_time(weights, fs::last_write_time(weights) + std::chrono::seconds(1));
  cached();
  EXPECT_TRUE(said("model.safetensors has changed"));
  cached();
  EXPECT_TRUE(lines_.empty());

  fs::resize_file(artefact.folder + "/weights.data", 10);
  cached();
  EXPECT_TRUE(said("weights.data: 10 bytes, expected"));
  fs::remove(artefact.graph_path);
  cached();
  EXPECT_TRUE(said("model.onnx: is missing"));
  fs::resize_file(artefact.folder + "/nestvec.json", 20);
  cached();
  EXPECT_TRUE(said("nestvec.json"));
  fs::remove_all(artefact.folder);
  cached();
  EXPECT_TRUE(said("compiled in"));
  EXPECT_EQ(entries(folder_ / "cache"), 2u);  // the artefact and its lock
}

TEST_F(ArtefactTest, CacheRemakesTheWorkOfAnotherVersion) {
  const std::string path = cached().folder + "/nestvec.json";
  std::string manifest = read_file(path, 100'000);
  const std::string version = "\"format_version\": " + std::to_string(Manifest::kFormatVersion);
  manifest.replace(manifest.find(version), version.size(), "\"format_version\": 9");
  write_text(path, manifest);
  EXPECT_NE(coded_error_of([&] {
              open_artefact(fs::path(path).parent_path().string());
            }).find("FAILED_PRECONDITION"),
            std::string::npos);
  cached();
  EXPECT_TRUE(said("format 9"));
}

TEST_F(ArtefactTest, CacheIsReadWhereItCannotBeWritten) {
  cached();
  fs::permissions(folder_ / "cache", fs::perms(0555));
  cached();
  EXPECT_TRUE(lines_.empty());
  fs::permissions(folder_ / "cache", fs::perms(0755));
}

TEST_F(ArtefactTest, ProcessesThatWantTheSameMakeItOnce) {
  constexpr int kProcesses = 4;
  for (int i = 0; i < kProcesses; ++i) {
    if (::fork() != 0) continue;
    int made = 2;  // an exception
    try {
      cached();
      made = said("compiled in") ? 1 : 0;
    } catch (const Error&) {
    }
    ::_exit(made);
  }
  int made = 0;
  for (int i = 0; i < kProcesses; ++i) {
    int status = 0;
    ASSERT_GT(::wait(&status), 0);
    ASSERT_TRUE(WIFEXITED(status));
    ASSERT_LT(WEXITSTATUS(status), 2);
    made += WEXITSTATUS(status);
  }
  EXPECT_EQ(made, 1);
  cached();
  EXPECT_TRUE(lines_.empty());
}

TEST_F(ArtefactTest, ProcessesThatWriteTheSameFolderLeaveAWholeOne) {
  constexpr int kProcesses = 4;
  for (int i = 0; i < kProcesses; ++i) {
    if (::fork() != 0) continue;
    int failures = 0;
    for (int round = 0; round < 5; ++round) {
      failures += coded_error_of([&] { compile(); }).empty() ? 0 : 1;
    }
    ::_exit(failures);
  }
  for (int i = 0; i < kProcesses; ++i) {
    int status = 0;
    ASSERT_GT(::wait(&status), 0);
    ASSERT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), 0);
  }
  EXPECT_EQ(open_artefact(output()).layout, "packed");
  EXPECT_EQ(entries(folder_ / ""), 2u);
}

TEST_F(ArtefactTest, WhatADeadProcessLeftIsRemoved) {
  const pid_t child = ::fork();
  if (child == 0) {
    AtomicFolder folder(output());
    write_text(fs::path(folder.temporary_path()) / "weights.data", "half");
    ::kill(::getpid(), SIGKILL);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(entries(folder_ / ""), 2u);
  const AtomicFolder living(output());
  EXPECT_EQ(entries(folder_ / ""), 2u);  // the living one's instead of the dead one's
  compile();
  EXPECT_TRUE(fs::exists(living.temporary_path()));
}

}  // namespace
}  // namespace nestvec
