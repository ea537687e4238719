// SPDX-License-Identifier: Apache-2.0
// Whole runs on a small model: every row once and in order with the vector that predict() gives,
// also after stops at any row, with bad rows, duplicates, tasks of rows.
#include "bulk/bulk_run.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "base/json.h"
#include "bulk/model_digest.h"
#include "support/folders.h"

namespace nestvec {
namespace {

namespace fs = std::filesystem;

Model load_small(const std::string& name, std::size_t batch_tokens) {
  ModelConfig config;
  config.checkpoints.repo_id = test_data() + "/../models/" + name;
  config.runtime.cache_dir = test_build() + "/bulk-cache";
  config.runtime.precision = "fp32";
  config.runtime.threads = 1;
  config.runtime.max_tokens = 64;
  config.runtime.max_batch_tokens = batch_tokens;
  return load_model(config);
}

// Batches of a few texts, so that many are under way.
const Model& small_model() {
  static const Model kModel = load_small("v3-tiny", 128);
  return kModel;
}

std::string words(std::mt19937& random, std::size_t most) {
  static const std::vector<std::string> kWords = {"cat", "sat", "on",
                                                  "the", "mat", "\xC3\xA9t\xC3\xA9"};
  std::string text;
  for (std::size_t n = random() % most; n > 0; --n) text += kWords[random() % 6] + " ";
  return text;
}

class BulkRunTest : public testing::Test {
 protected:
  BulkRunTest() : folder_(fs::temp_directory_path() / ("bulk-run-" + std::to_string(::getpid()))) {
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  ~BulkRunTest() override { fs::remove_all(folder_); }

  std::string put(const std::string& name, const std::string& bytes) const {
    std::ofstream(folder_ / name, std::ios::binary) << bytes;
    return (folder_ / name).string();
  }
  std::string content(const std::string& name) const {
    std::ifstream file(folder_ / name, std::ios::binary);
    std::ostringstream bytes;
    bytes << file.rdbuf();
    return bytes.str();
  }
  BulkOptions options(const std::vector<std::string>& inputs) const {
    BulkOptions options;
    options.inputs = inputs;
    options.output = {(folder_ / "out.f32").string(), VectorFormat::kRaw, EmbeddingFormat::kFloat};
    options.checkpoint_seconds = 0.02;
    return options;
  }
  std::vector<float> vectors(const std::string& name = "out.f32") const {
    const std::string bytes = content(name);
    std::vector<float> values(bytes.size() / sizeof(float));
    std::memcpy(values.data(), bytes.data(), values.size() * sizeof(float));
    return values;
  }

  fs::path folder_;
};

BulkSummary run_once(const BulkOptions& options, const BulkHooks& hooks = {}) {
  return BulkRun(options).run(small_model(), hooks);
}

// Starts runs anew until one is interrupted: a fast model may have done every row before it is.
bool interrupt(BulkOptions options, const BulkHooks& hooks) {
  options.restart = true;
  for (int tries = 0; tries < 20; ++tries) {
    if (run_once(options, hooks).interrupted) return true;
  }
  return false;
}

std::string lines_of(const std::vector<std::string>& texts) {
  std::string lines;
  for (const std::string& text : texts) lines += text + "\n";
  return lines;
}

TEST_F(BulkRunTest, RowsOfSeveralFilesAreThoseOfPredict) {
  std::mt19937 random(1);
  std::vector<std::string> texts;
  for (int i = 0; i < 400; ++i) texts.push_back(words(random, i % 50 == 0 ? 60 : 12));
  const std::vector<std::string> first(texts.begin(), texts.begin() + 150);
  const std::vector<std::string> second(texts.begin() + 150, texts.end());
  put("b", lines_of(second));
  put("a", lines_of(first));
  put("empty", "");
  const std::string pattern = (folder_ / "[abe]*").string();
  const BulkSummary summary = run_once(options({pattern}));
  // "a", "b", "empty": a pattern's files come in the order of their bytes.
  EXPECT_EQ(vectors(), small_model().predict(texts).values);
  EXPECT_EQ(summary.progress.counts.rows, 400u);
  EXPECT_EQ(summary.progress.counts.written, 400u);
  EXPECT_GT(summary.progress.counts.truncated, 0u);
  EXPECT_FALSE(summary.interrupted);
  EXPECT_TRUE(load_checkpoint((folder_ / "out.f32.checkpoint").string())->complete);
  EXPECT_TRUE(content("out.ids.jsonl").starts_with("0\n1\n2\n"));
}

TEST_F(BulkRunTest, StoppedAnywhereItGoesOn) {
  std::mt19937 random(2);
  std::vector<std::string> texts;
  for (int i = 0; i < 120; ++i) texts.push_back(words(random, 20));
  const std::string input = put("in", lines_of(texts));
  for (std::uint64_t stop_at = 0; stop_at < 120; stop_at += 1 + random() % 25) {
    BulkOptions all = options({input});
    all.restart = true;
    int processes = 0;
    std::uint64_t reached = 0;
    for (bool interrupted = true; interrupted; ++processes) {
      BulkHooks hooks;
      const std::uint64_t limit = reached + 1 + stop_at;
      hooks.progress = [&](const BulkProgress& p) { reached = p.counts.rows; };
      hooks.interrupted = [&] { return reached >= limit; };
      const BulkSummary summary = run_once(all, hooks);
      interrupted = summary.interrupted;
      EXPECT_NE(fs::exists(folder_ / "out.f32"), interrupted);
      all.restart = false;
      all.resume = true;
      ASSERT_LT(processes, 200);
    }
    EXPECT_EQ(vectors(), small_model().predict(texts).values);
    fs::remove(folder_ / "out.f32");
  }
}

TEST_F(BulkRunTest, BadRows) {
  const std::string input = put("in.jsonl",
                                "{\"text\":\"one\",\"task\":\"retrieval.query\"}\n{\n"
                                "{\"text\":\"three\",\"task\":\"no such\"}\n"
                                "{\"text\":\"" +
                                    std::string(2000, 'a') + " b c\"}\n{\"text\":\"five\"}\n");
  BulkOptions all = options({input});
  all.rows.task = "task";
  all.embed.truncation = Truncation::kError;
  std::string long_text = "{\"text\":\"";
  for (int i = 0; i < 100; ++i) long_text += "cat ";
  put("in.jsonl",
      "{\"text\":\"one\",\"task\":\"retrieval.query\"}\n{\n"
      "{\"text\":\"three\",\"task\":\"no such\"}\n" +
          long_text + "\"}\n{\"text\":\"five\"}\n");
  try {
    run_once(all);
    ADD_FAILURE() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    EXPECT_NE(std::string(error.what()).find("in.jsonl:2: "), std::string::npos) << error.what();
  }
  const std::vector<std::string> texts = {"one", "five"};
  const std::vector<std::string> tasks = {"retrieval.query", ""};
  const std::vector<float> good = small_model().predict(texts, tasks).values;
  all.resume = true;  // the row before it is kept
  all.on_error = OnError::kSkip;
  const BulkSummary summary = run_once(all);
  EXPECT_EQ(summary.progress.counts.bad, 3u);
  EXPECT_EQ(summary.progress.before.rows, 1u);
  EXPECT_EQ(vectors(), good);
  EXPECT_EQ(content("out.ids.jsonl"), "0\n4\n");
  std::istringstream errors(content("out.errors.jsonl"));
  std::vector<std::int64_t> lines;
  for (std::string line; std::getline(errors, line);) {
    const JsonDocument document = JsonDocument::parse(line, "line");
    EXPECT_EQ(document.root().at("file").string(), input);
    EXPECT_EQ(document.root().at("row").integer() + 1, document.root().at("line").integer());
    lines.push_back(document.root().at("line").integer());
  }
  EXPECT_EQ(lines, (std::vector<std::int64_t>{2, 3, 4}));
  EXPECT_NE(content("out.errors.jsonl").find("the text has "), std::string::npos);

  all.resume = false;
  all.on_error = OnError::kNull;
  run_once(all);
  const std::vector<float> rows = vectors();
  const std::size_t width = good.size() / 2;
  ASSERT_EQ(rows.size(), 5 * width);
  EXPECT_TRUE(
      std::equal(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(width), rows.begin()));
  EXPECT_TRUE(std::isnan(rows[width]) && std::isnan(rows[4 * width - 1]));
}

TEST_F(BulkRunTest, EqualTextsAreEmbeddedOnce) {
  std::mt19937 random(4);
  std::vector<std::string> texts;
  for (int i = 0; i < 1500; ++i) texts.push_back("cat " + std::to_string(random() % 500));
  std::vector<std::string> different = texts;
  std::sort(different.begin(), different.end());
  different.erase(std::unique(different.begin(), different.end()), different.end());
  BulkOptions all = options({put("in", lines_of(texts))});
  all.dedupe = true;
  std::uint64_t rows = 0;
  BulkHooks hooks;
  hooks.progress = [&](const BulkProgress& p) { rows = p.counts.rows; };
  hooks.interrupted = [&] { return rows > 20; };
  ASSERT_TRUE(interrupt(all, hooks));
  all.resume = true;
  const BulkSummary summary = run_once(all);
  EXPECT_EQ(vectors(), small_model().predict(texts).values);
  EXPECT_EQ(summary.progress.counts.duplicates, texts.size() - different.size());
  const Embeddings once = small_model().predict(different);
  std::uint64_t tokens = 0;
  for (const std::uint32_t count : once.tokens) tokens += count;
  EXPECT_EQ(summary.progress.counts.tokens, tokens);
}

TEST_F(BulkRunTest, UnfinishedRunsAreNotLostByMistake) {
  std::mt19937 random(6);
  std::vector<std::string> texts;
  for (int i = 0; i < 500; ++i) texts.push_back(words(random, 20));
  const std::string input = put("in", lines_of(texts));
  BulkHooks at_once;
  at_once.interrupted = [] { return true; };
  ASSERT_TRUE(interrupt(options({input}), at_once));
  EXPECT_THROW(run_once(options({input})), Error) << "neither --resume nor --restart";
  BulkOptions again = options({input});
  again.resume = true;
  texts = {"a", "b", "d"};
  put("in", lines_of(texts));
  EXPECT_THROW(run_once(again), Error) << "the input changed";
  again.resume = false;
  again.restart = true;
  run_once(again);
  EXPECT_EQ(vectors(), small_model().predict(texts).values);
  again.restart = false;
  again.resume = true;
  EXPECT_EQ(run_once(again).progress.before.rows, 3u) << "it is done already";
  fs::remove(folder_ / "out.f32.checkpoint");
  EXPECT_THROW(run_once(again), Error) << "an output of nobody knows whom";
}

TEST(ModelDigest, TellsModelsApart) {
  const std::string digest = model_digest(small_model());
  EXPECT_EQ(digest, model_digest(load_small("v3-tiny", 256)));
  EXPECT_NE(digest, model_digest(load_small("xlmr-tiny", 128)));
}

}  // namespace
}  // namespace nestvec
