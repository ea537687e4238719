// SPDX-License-Identifier: Apache-2.0
// Real weights: all-MiniLM-L6-v2 against sentence-transformers (tests/data/embed/minilm/README.md).
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "base/mapped_file.h"
#include "nestvec/model.h"
#include "support/folders.h"
#include "support/jsonl_gz.h"
#include "support/slow_run.h"

namespace nestvec {
namespace {

const std::string kFolder = test_data() + "/embed/minilm/";

std::string model_folder() {
  const char* cache = std::getenv("NESTVEC_CACHE");
  const char* home = std::getenv("HOME");
  const std::string root =
      cache != nullptr ? cache : std::string(home != nullptr ? home : "") + "/.cache/nestvec";
  return root + "/models/all-MiniLM-L6-v2";
}

// The values of a float32 .npy file.
std::vector<float> read_npy(const std::string& path) {
  const MappedFile file(path);
  const std::string_view text = file.text();
  const std::size_t data = text.find('\n') + 1;
  std::vector<float> values((text.size() - data) / sizeof(float));
  std::memcpy(values.data(), text.data() + data, values.size() * sizeof(float));
  return values;
}

TEST(MiniLm, EqualsSentenceTransformersOnFiveHundredTexts) {
  ASSERT_TRUE(std::filesystem::exists(model_folder() + "/config.json"))
      << "the default model is missing; run scripts/fetch-default-model.sh";
  std::vector<std::string> texts;
  for_each_record(kFolder + "texts.jsonl.gz",
                  [&](const JsonValue& record) { texts.emplace_back(record.at("text").string()); });
  ASSERT_GE(texts.size(), 500u);
  const std::vector<float> expected = read_npy(kFolder + "vectors.npy");
  ASSERT_EQ(expected.size(), texts.size() * 384);

  ModelConfig config;
  config.checkpoints.repo_id = model_folder();
  config.runtime.cache_dir = test_build() + "/minilm-cache";
  config.runtime.precision = "fp32";
  const Model model = load_model(config);
  EXPECT_EQ(model.info().max_tokens, 256u);
  if (kSlowRun) texts.resize(40);
  const Embeddings rows = model.predict(texts);
  double worst_cosine = 1;
  double worst_difference = 0;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    double product = 0;
    double norm = 0;
    for (std::size_t k = 0; k < 384; ++k) {
      const double a = static_cast<double>(rows.row(i)[k]);
      const double b = static_cast<double>(expected[i * 384 + k]);
      product += a * b;
      norm += b * b;
      worst_difference = std::max(worst_difference, std::abs(a - b));
    }
    worst_cosine = std::min(worst_cosine, product / std::sqrt(norm));
    EXPECT_GE(product / std::sqrt(norm), 0.999999) << "text " << i;
  }
  std::printf("lowest cosine %.9f, largest difference %.1e\n", worst_cosine, worst_difference);
}

}  // namespace
}  // namespace nestvec
