// SPDX-License-Identifier: Apache-2.0
// What must hold of every native graph, whatever its precision: company, batch size and tasks do
// not change a vector; narrower precisions stay near fp32; work ends when it is told to.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <numeric>
#include <optional>
#include <string>

#include "base/environment.h"
#include "config/cache_folder.h"
#include "nestvec/model.h"
#include "ops/isa.h"
#include "support/folders.h"
#include "support/jsonl_gz.h"
#include "support/slow_run.h"

namespace nestvec {
namespace {

ModelConfig config_of(const std::string& folder, const std::string& precision,
                      const std::string& graph = "native") {
  ModelConfig config;
  config.checkpoints.repo_id = folder;
  config.runtime.cache_dir = test_build() + "/proofs-cache";
  config.runtime.precision = precision;
  config.runtime.graph = graph;
  return config;
}

std::string tiny() { return test_data() + "/../models/v3-tiny"; }

std::string minilm() {
  return cache_folder("", process_environment()) + "/models/all-MiniLM-L6-v2";
}

std::vector<std::string> real_texts() {
  std::vector<std::string> texts;
  for_each_record(test_data() + "/embed/minilm/texts.jsonl.gz",
                  [&](const JsonValue& record) { texts.emplace_back(record.at("text").string()); });
  return texts;
}

double dot(std::span<const float> a, std::span<const float> b) {
  return std::transform_reduce(
      a.begin(), a.end(), b.begin(), 0.0, std::plus<>(),
      [](float x, float y) { return static_cast<double>(x) * static_cast<double>(y); });
}

std::string without_dashes(std::string name) {
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

class Proofs : public testing::TestWithParam<std::string> {};

// Every precision alike: not a bit differs.
TEST_P(Proofs, AVectorIsTheSameInAnyCompany) {
  std::vector<std::string> texts = real_texts();
  texts.resize(kSlowRun ? 16 : 60);
  ModelConfig config = config_of(minilm(), GetParam());
  const Model model = load_model(config);
  const Embeddings together = model.predict(texts);
  config.runtime.max_batch_tokens = 300;
  config.runtime.threads = 1;
  const Embeddings small_batches = load_model(config).predict(texts);
  EXPECT_EQ(together.values, small_batches.values);
  for (std::size_t i = 0; i < texts.size(); i += 5) {
    const std::vector<float> alone = model.predict(texts[i]);
    EXPECT_TRUE(std::equal(alone.begin(), alone.end(), together.row(i).begin())) << texts[i];
  }
}

TEST_P(Proofs, MixedTasksEqualSingleTasks) {
  const Model model = load_model(config_of(tiny(), GetParam()));
  std::vector<std::string> texts;
  std::vector<std::string> tasks;
  for (std::size_t i = 0; i < 60; ++i) {
    texts.push_back("text number " + std::string(i % 7, 'x') + " of many");
    const std::size_t choice = i % (model.info().tasks.size() + 1);
    tasks.push_back(choice == 0 ? "none" : model.info().tasks[choice - 1].name);
  }
  const Embeddings mixed = model.predict(texts, tasks);
  std::size_t different = 0;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const std::vector<float> alone = model.predict(texts[i], {.task = tasks[i]});
    EXPECT_TRUE(std::equal(alone.begin(), alone.end(), mixed.row(i).begin())) << i;
    const std::vector<float> base = model.predict(texts[i], {.task = "none", .add_prompt = false});
    if (base != alone) ++different;
  }
  EXPECT_EQ(different, 50u);  // all but those of "none": the adapters do something
}

// The mean of the chunks' means, weighed by their tokens, is the mean of the whole
// (arXiv:2409.04701).
TEST_P(Proofs, LateChunksAddUpToTheWhole) {
  const Model model = load_model(config_of(tiny(), GetParam()));
  const std::vector<std::string> chunks = {"The first of three chunks.", "Another one,",
                                           "and the last, which is longer than the others."};
  const Embeddings parts = model.predict(chunks, {.normalize = false, .late_chunking = true});
  const std::vector<float> whole =
      model.predict(chunks[0] + " " + chunks[1] + " " + chunks[2], {.normalize = false});
  const double tokens = std::accumulate(parts.tokens.begin(), parts.tokens.end(), 0.0);
  for (std::size_t k = 0; k < whole.size(); ++k) {
    double sum = 0;
    for (std::size_t i = 0; i < chunks.size(); ++i) {
      sum += static_cast<double>(parts.row(i)[k]) * parts.tokens[i] / tokens;
    }
    EXPECT_NEAR(sum, static_cast<double>(whole[k]), 1e-5);
  }
}

INSTANTIATE_TEST_SUITE_P(Precisions, Proofs,
                         testing::Values("fp32", "bf16", "int8-weights", "int8"),
                         [](const auto& suite) { return without_dashes(suite.param); });

// Ranks of values, equal ones not distinguished (there are next to none).
std::vector<double> ranks(const std::vector<double>& values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return values[a] < values[b]; });
  std::vector<double> rank(values.size());
  for (std::size_t i = 0; i < order.size(); ++i) rank[order[i]] = static_cast<double>(i);
  return rank;
}

std::vector<double> similarities(const Embeddings& rows) {
  std::vector<double> all;
  for (std::size_t i = 0; i < rows.rows; ++i) {
    for (std::size_t j = 0; j < i; ++j) all.push_back(dot(rows.row(i), rows.row(j)));
  }
  return all;
}

// Spearman's.
double rank_correlation(const std::vector<double>& a, const std::vector<double>& b) {
  const std::vector<double> x = ranks(a);
  const std::vector<double> y = ranks(b);
  double squares = 0;
  for (std::size_t i = 0; i < x.size(); ++i) squares += (x[i] - y[i]) * (x[i] - y[i]);
  const auto n = static_cast<double>(x.size());
  return 1 - 6 * squares / (n * (n * n - 1));
}

struct Nearness {
  std::string precision;
  double least_cosine;
};

class NearFp32 : public testing::TestWithParam<Nearness> {};

TEST_P(NearFp32, OnFiveHundredTexts) {
  std::vector<std::string> texts = real_texts();
  if (kSlowRun) texts.resize(20);
  const Embeddings exact = load_model(config_of(minilm(), "fp32")).predict(texts);
  const Embeddings narrow = load_model(config_of(minilm(), GetParam().precision)).predict(texts);
  double least = 1;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    least = std::min(least, dot(exact.row(i), narrow.row(i)));
  }
  const double correlation = rank_correlation(similarities(exact), similarities(narrow));
  EXPECT_GE(least, GetParam().least_cosine);
  EXPECT_GE(correlation, 0.995);
  std::printf("%s: least cosine with fp32 %.6f, rank correlation of all pairs %.6f\n",
              GetParam().precision.c_str(), least, correlation);
}

INSTANTIATE_TEST_SUITE_P(Precisions, NearFp32,
                         testing::Values(Nearness{"bf16", 0.9995}, Nearness{"int8-weights", 0.999},
                                         Nearness{"int8", 0.99}),
                         [](const auto& suite) { return without_dashes(suite.param.precision); });

TEST(Native, EqualsThePortableGraph) {
  std::vector<std::string> texts = real_texts();
  texts.resize(50);
  const Embeddings native = load_model(config_of(minilm(), "fp32")).predict(texts);
  const Embeddings portable = load_model(config_of(minilm(), "fp32", "portable")).predict(texts);
  for (std::size_t i = 0; i < native.values.size(); ++i) {
    ASSERT_NEAR(native.values[i], portable.values[i], 1e-6f) << i;
  }
}

// One artefact serves every processor: only the order of sums differs.
TEST(Native, EveryInstructionSetGivesTheSameVectors) {
  const std::vector<std::string> texts = {"A text.", std::string(400, 'x') + " and more of it",
                                          "Three texts are enough."};
  for (const auto& [precision, tolerance] :
       {std::pair{"fp32", 1e-6f}, std::pair{"bf16", 5e-3f}, std::pair{"int8-weights", 5e-3f},
        std::pair{"int8", 5e-3f}}) {
    const Embeddings best = load_model(config_of(tiny(), precision)).predict(texts);
    for (const Isa level : machine_isas()) {
      const std::string isa(isa_name(level));
      ::setenv("NESTVEC_MAX_ISA", isa.c_str(), 1);
      const Model model = load_model(config_of(tiny(), precision));
      ::unsetenv("NESTVEC_MAX_ISA");
      const Embeddings limited = model.predict(texts);
      for (std::size_t i = 0; i < best.values.size(); ++i) {
        ASSERT_NEAR(best.values[i], limited.values[i], tolerance) << precision << " " << isa;
      }
    }
  }
}

TEST(Native, AnUnknownInstructionSetIsRefusedWithTheNames) {
  ::setenv("NESTVEC_MAX_ISA", "avx9", 1);
  try {
    load_model(config_of(tiny(), "fp32"));
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    EXPECT_NE(std::string(error.what()).find("generic"), std::string::npos) << error.what();
  }
  ::unsetenv("NESTVEC_MAX_ISA");
}

TEST(Native, EndsWhenToldTo) {
  const Model model = load_model(config_of(tiny(), "fp32"));
  std::stop_source source;
  source.request_stop();
  const auto code_of = [&](const EmbedOptions& options) -> std::optional<ErrorCode> {
    try {
      model.predict("a text", options);
    } catch (const Error& error) {
      return error.code();
    }
    return std::nullopt;
  };
  EXPECT_EQ(code_of({.stop = source.get_token()}), ErrorCode::kCancelled);
  EXPECT_EQ(code_of({.deadline = std::chrono::steady_clock::now()}), ErrorCode::kDeadlineExceeded);
  EXPECT_EQ(model.predict("a text").size(), model.info().dimensions);
}

TEST(Native, PortableGraphsComputeInFp32Only) {
  try {
    load_model(config_of(tiny(), "int8", "portable"));
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    EXPECT_NE(std::string(error.what()).find("portable fp32"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace nestvec
