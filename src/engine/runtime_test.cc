// SPDX-License-Identifier: Apache-2.0
// Small models of tests/models, several in one runtime.
#include "nestvec/runtime.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <optional>
#include <thread>

#include "support/folders.h"

namespace nestvec {
namespace {

ModelConfig config_of(const std::string& name) {
  ModelConfig config;
  config.checkpoints.repo_id = test_data() + "/../models/" + name;
  config.runtime.cache_dir = test_build() + "/runtime-cache";
  config.runtime.precision = "fp32";
  config.runtime.threads = 2;
  return config;
}

std::vector<ModelConfig> both() { return {config_of("v3-tiny"), config_of("bert-tiny")}; }

const std::vector<std::string> kTexts = {"The cat sat on the mat.", "A", "Two dogs and a cat."};

template <class Work>
std::optional<Error> error_of_load(const Work& work) {
  try {
    work();
  } catch (const Error& error) {
    return error;
  }
  return std::nullopt;
}

TEST(Runtime, AModelHasTheVectorsThatItHasAlone) {
  Runtime runtime;
  const std::vector<Model> models = runtime.load(both());
  ASSERT_EQ(models.size(), 2u);
  for (const Model& model : models) {
    const Model alone = load_model(config_of(model.info().id));
    EXPECT_EQ(model.predict(kTexts).values, alone.predict(kTexts).values) << model.info().id;
  }
}

TEST(Runtime, ModelsOutliveItAndOneAnother) {
  std::optional<Model> small;
  {
    Runtime runtime;
    Model large = runtime.load(config_of("v3-tiny"));
    small.emplace(runtime.load(config_of("bert-tiny")));
    EXPECT_EQ(large.predict(kTexts).rows, 3u);
  }
  EXPECT_EQ(small->predict(kTexts).rows, 3u);
}

TEST(Runtime, ThePlanHasTheWeightsOfAllAndTheLargestWorkspace) {
  Runtime runtime;
  std::vector<Model> models = runtime.load(both());
  const std::uint64_t two = runtime.memory().plan_bytes;
  EXPECT_EQ(runtime.memory().models, 2u);
  EXPECT_GT(two, models[0].info().memory_plan_bytes);
  EXPECT_LT(two, models[0].info().memory_plan_bytes + models[1].info().memory_plan_bytes);
  // Of the same file: its pages are there once.
  const Model again = runtime.load(config_of("v3-tiny"));
  const std::uint64_t three = runtime.memory().plan_bytes;
  models.pop_back();
  models.pop_back();
  EXPECT_EQ(runtime.memory().models, 1u);
  EXPECT_EQ(runtime.memory().plan_bytes, again.info().memory_plan_bytes);
  const Model other = runtime.load(config_of("v3-narrow"));
  EXPECT_LT(three - two, other.info().memory_plan_bytes);
}

TEST(Runtime, AllAreRefusedTogetherWithEachShare) {
  std::vector<ModelConfig> configs = both();
  const std::uint64_t alone = load_model(configs[0]).info().memory_plan_bytes;
  configs[1].inference_compute_info.cpu_memory_bytes = alone + (4u << 20);
  Runtime runtime;
  const auto error = error_of_load([&] { runtime.load(configs); });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code(), ErrorCode::kResourceExhausted);
  const std::string message = error->what();
  for (const char* part : {"memory plan over budget: v3-tiny ", ", bert-tiny ", " of workspace; ",
                           "together weights ", ", cpu_memory allows ", "load fewer models"}) {
    EXPECT_NE(message.find(part), std::string::npos) << part << " in " << message;
  }
  EXPECT_EQ(runtime.memory().models, 0u) << "none is there";
  // Later ones are held against the budget of those that are there.
  configs[0].inference_compute_info.cpu_memory_bytes = alone + (4u << 20);
  const Model first = runtime.load(configs[0]);
  const auto later = error_of_load([&] { runtime.load(config_of("bert-tiny")); });
  ASSERT_TRUE(later);
  EXPECT_EQ(later->code(), ErrorCode::kResourceExhausted);
  EXPECT_EQ(runtime.memory().models, 1u);
  EXPECT_EQ(first.predict(kTexts).rows, 3u);
}

TEST(Runtime, ABadConfigurationLeavesNothingBehind) {
  std::vector<ModelConfig> configs = both();
  configs[1].checkpoints.repo_id = "/no/such/folder";
  Runtime runtime;
  EXPECT_TRUE(error_of_load([&] { runtime.load(configs); }));
  EXPECT_EQ(runtime.memory().models, 0u);
  EXPECT_EQ(runtime.load(both()).size(), 2u);
}

TEST(Runtime, OneOfSeveralEndsWhileCallsRun) {
  Runtime runtime;
  const Model stays = runtime.load(config_of("v3-tiny"));
  std::atomic<bool> going = true;
  std::atomic<std::size_t> rows = 0;
  std::thread caller([&] {
    while (going) rows += stays.predict(kTexts).rows;
  });
  for (int round = 0; round < 5; ++round) {
    std::optional<Model> model(runtime.load(config_of("bert-tiny")));
    std::vector<std::future<Result<Embeddings>>> answers;
    for (int i = 0; i < 20; ++i) {
      const auto promise = std::make_shared<std::promise<Result<Embeddings>>>();
      answers.push_back(promise->get_future());
      model->predict_async(kTexts, {}, {}, [promise](Result<Embeddings> result) {
        promise->set_value(std::move(result));
      });
    }
    model.reset();
    for (auto& answer : answers) {
      const Result<Embeddings> result = answer.get();
      EXPECT_TRUE(result.ok() || result.error().code() == ErrorCode::kCancelled);
    }
    EXPECT_EQ(runtime.memory().models, 1u);
  }
  going = false;
  caller.join();
  EXPECT_GT(rows, 0u);
}

TEST(Runtime, ShuttingOneDownLeavesTheOther) {
  Runtime runtime;
  const std::vector<Model> models = runtime.load(both());
  models[0].shut_down();
  EXPECT_EQ(models[1].predict(kTexts).rows, 3u);
  EXPECT_THROW(models[0].predict(kTexts), Error);
}

// Models that ORT runs on operators of its own beside native ones.
TEST(Runtime, PortableGraphsShareTheThread) {
  std::vector<ModelConfig> configs = both();
  configs[1].runtime.graph = "portable";
  Runtime runtime;
  const std::vector<Model> models = runtime.load(configs);
  std::vector<std::thread> callers;
  for (const Model& model : models) {
    callers.emplace_back([&model] {
      for (int i = 0; i < 20; ++i) EXPECT_EQ(model.predict(kTexts).rows, 3u);
    });
  }
  for (std::thread& caller : callers) caller.join();
}

}  // namespace
}  // namespace nestvec
