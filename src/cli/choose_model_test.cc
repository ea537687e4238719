// SPDX-License-Identifier: Apache-2.0
#include "cli/choose_model.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "cli/exit_code.h"
#include "cli/model_options.h"
#include "support/run_command.h"

namespace nestvec {
namespace {

namespace fs = std::filesystem;

class ChooseModel : public testing::Test {
 protected:
  ChooseModel() {
    root_ = fs::temp_directory_path() / ("nestvec-choose-" + std::to_string(::getpid()));
    fs::remove_all(root_);
    fs::create_directories(root_);
  }
  ~ChooseModel() override { fs::remove_all(root_); }

  void put_small_model() const {
    const fs::path folder = root_ / "models/all-MiniLM-L6-v2";
    fs::create_directories(folder);
    for (const char* name : {"config.json", "tokenizer.json", "model.safetensors"}) {
      std::ofstream(folder / name) << "{}";
    }
  }
  std::map<std::string, std::string> variables() const {
    return {{"NESTVEC_CACHE", root_.string()}, {"HF_HUB_CACHE", (root_ / "hub").string()}};
  }
  Outcome serve(std::vector<std::string> flags) const {
    flags.insert(flags.begin(), "serve");
    return run(flags, "", false, variables());
  }

  fs::path root_;
};

TEST_F(ChooseModel, AnIdAloneNamesNoModel) {
  put_small_model();
  const Outcome outcome = serve({"--model-id", "BAAI/bge-m3"});
  EXPECT_EQ(outcome.code, kExitUsage);
  EXPECT_NE(outcome.err.find("did you mean --model BAAI/bge-m3?"), std::string::npos)
      << outcome.err;
  EXPECT_NE(outcome.err.find("on this machine: all-MiniLM-L6-v2"), std::string::npos)
      << outcome.err;
  EXPECT_EQ(serve({"--served-model-name", "mine"}).code, kExitUsage);
  const std::string config = (root_ / "config.yaml").string();
  std::ofstream(config) << "model: {id: my-embedder}\n";
  EXPECT_NE(serve({"--config", config}).err.find("my-embedder"), std::string::npos);
}

TEST_F(ChooseModel, TheSmallModelIsTakenUnderItsOwnNameWithAWarning) {
  put_small_model();
  ModelConfig config;
  EXPECT_FALSE(choose_model(config, environment_of(variables())));
  EXPECT_EQ(config.checkpoints.repo_id, (root_ / "models/all-MiniLM-L6-v2").string());
  config = {};
  config.model.id = "all-MiniLM-L6-v2";
  EXPECT_FALSE(choose_model(config, environment_of(variables())));

  std::istringstream in;
  std::ostringstream out;
  const CliContext context{in, out, out, false, false, false, environment_of(variables())};
  ASSERT_EQ(make_config({}, context).warnings.size(), 1u);
  EXPECT_NE(make_config({}, context).warnings[0].find("no model was named"), std::string::npos);
  ModelOptions shown;
  shown.shows_model = true;
  EXPECT_TRUE(make_config(shown, context).warnings.empty());
  ModelOptions named;
  named.settings["repo-id"] = "all-minilm-l6-v2";
  EXPECT_TRUE(make_config(named, context).warnings.empty());
  EXPECT_EQ(make_config(named, context).checkpoints.repo_id, "all-MiniLM-L6-v2");
}

TEST_F(ChooseModel, WithoutAnyItTellsWhatToDo) {
  ModelConfig config;
  try {
    choose_model(config, environment_of({{"HOME", "/nonexistent"}}));
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kNotFound);
    EXPECT_NE(std::string(error.what()).find("make quickstart"), std::string::npos);
  }
}

TEST_F(ChooseModel, AnEmptyNameIsAMistake) {
  put_small_model();
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"embed", "--model", "", "x"}, {"serve", ""}, {"info", "-m", ""}}) {
    const Outcome outcome = run(arguments, "", false, variables());
    EXPECT_EQ(outcome.code, kExitUsage);
    EXPECT_NE(outcome.err.find("the name of the model is empty"), std::string::npos) << outcome.err;
  }
}

TEST_F(ChooseModel, AnArgumentAndAnOptionThatDifferAreAMistake) {
  EXPECT_NE(serve({"a/b", "--model", "c/d"}).err.find("two models were given"), std::string::npos);
  EXPECT_EQ(serve({"a/b", "--model", "a/b"}).code, kExitNotFound);
}

TEST_F(ChooseModel, WhatIsNotHereIsNeverAskedForWithoutATerminal) {
  const Outcome outcome = serve({"org/absent"});
  EXPECT_EQ(outcome.code, kExitNotFound);
  EXPECT_NE(outcome.err.find("nestvec pull org/absent, or add --pull"), std::string::npos)
      << outcome.err;
}

TEST_F(ChooseModel, FormatsAreCheckedBeforeAModelIsLookedFor) {
  for (const std::vector<std::string>& flags :
       {std::vector<std::string>{"--format", "binary", "--dimensions", "12"},
        {"--format", "nyp"},
        {"--output", "vectors.parquet"},
        {"--input", "x.csv", "--output", "v.xyz"},
        {"--input", "x.csv", "--output", "v.npy", "--dtype", "binary", "--dimensions", "12"}}) {
    std::vector<std::string> arguments = {"embed", "--model", "/nonexistent"};
    if (flags[0] != "--input") arguments.emplace_back("a text");
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    EXPECT_EQ(run(arguments, "", false, variables()).code, kExitUsage) << flags.back();
  }
}

}  // namespace
}  // namespace nestvec
