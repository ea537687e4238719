// SPDX-License-Identifier: Apache-2.0
// Sparse weights and vectors of tokens against transformers, torch and sentence-transformers
// (tests/data/sparse/README.md), in every precision and in any company.
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "base/memory_account.h"
#include "compile/artefact.h"
#include "nestvec/model.h"
#include "support/checkpoint.h"
#include "support/error_of.h"
#include "support/folders.h"
#include "support/jsonl_gz.h"

namespace nestvec {
namespace {

struct SparseCase {
  std::string model;
  std::string graph;      // as runtime.graph
  std::string precision;  // as runtime.precision
  bool tokens = false;    // it also has a dense vector and vectors of tokens
};

void PrintTo(const SparseCase& c, std::ostream* out) {
  *out << c.model << " " << c.graph << " " << c.precision;
}

ModelConfig sparse_config(const SparseCase& c) {
  ModelConfig config;
  config.checkpoints.repo_id = test_data() + "/../models/" + c.model;
  config.runtime.graph = c.graph;
  config.runtime.precision = c.precision;
  config.runtime.cache_dir = test_build() + "/sparse-cache";
  return config;
}

std::string records_of(const std::string& model) {
  return test_data() + "/sparse/" + model + ".jsonl.gz";
}

std::vector<float> numbers_of(const JsonValue& array) {
  std::vector<float> values;
  for (const JsonValue& value : array.elements()) {
    values.push_back(static_cast<float>(value.number()));
  }
  return values;
}

using Weights = std::map<std::uint32_t, double>;

Weights weights_of(const Embeddings& out, std::size_t row) {
  Weights weights;
  for (std::size_t i = out.sparse.starts[row]; i < out.sparse.starts[row + 1]; ++i) {
    weights[out.sparse.indices[i]] = static_cast<double>(out.sparse.weights[i]);
  }
  return weights;
}

Weights expected_weights(const JsonValue& record) {
  Weights weights;
  const std::vector<JsonValue> indices = record.at("indices").elements();
  const std::vector<JsonValue> values = record.at("weights").elements();
  for (std::size_t i = 0; i < indices.size(); ++i) {
    weights[static_cast<std::uint32_t>(indices[i].integer())] = values[i].number();
  }
  return weights;
}

double dot(const Weights& a, const Weights& b) {
  double sum = 0;
  for (const auto& [index, weight] : a) {
    const auto other = b.find(index);
    if (other != b.end()) sum += weight * other->second;
  }
  return sum;
}

double cosine(const Weights& a, const Weights& b) {
  if (a.empty() && b.empty()) return 1;
  return dot(a, b) / std::sqrt(dot(a, a) * dot(b, b));
}

class SparseParity : public testing::TestWithParam<SparseCase> {
 protected:
  void expect_near(std::span<const float> found, const std::vector<float>& expected) const {
    ASSERT_EQ(found.size(), expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
      ASSERT_NEAR(static_cast<double>(found[i]), static_cast<double>(expected[i]), tolerance())
          << i;
    }
  }

  // A weight near 0 may be there on one side alone.
  void expect_weights(const Weights& found, const Weights& expected) const {
    if (GetParam().precision != "fp32") {
      EXPECT_GT(cosine(found, expected), GetParam().precision == "int8" ? 0.99 : 0.999);
      return;
    }
    Weights all = expected;
    all.insert(found.begin(), found.end());
    for (const auto& [index, ignored] : all) {
      const auto at = [&](const Weights& weights) {
        const auto entry = weights.find(index);
        return entry == weights.end() ? 0.0 : entry->second;
      };
      ASSERT_NEAR(at(found), at(expected), 1e-5 * (1 + at(expected))) << index;
    }
  }

  double tolerance() const {
    return GetParam().precision == "fp32" ? 1e-5 : GetParam().precision == "int8" ? 0.2 : 0.05;
  }
};

TEST_P(SparseParity, GivesWhatTheReferenceGives) {
  const Model model = load_model(sparse_config(GetParam()));
  EXPECT_TRUE(model.info().sparse);
  EXPECT_EQ(model.info().dense, GetParam().tokens);
  EXPECT_EQ(model.info().multi_vector, GetParam().tokens);
  std::size_t records = 0;
  std::size_t entries = 0;
  for_each_record(records_of(GetParam().model), [&](const JsonValue& record) {
    const std::vector<std::string> texts = {std::string(record.at("text").string())};
    const EmbedOptions options{
        .dense = GetParam().tokens, .sparse = true, .multi_vector = GetParam().tokens};
    const Embeddings out = model.predict(texts, options);
    ASSERT_EQ(out.rows, 1u);
    EXPECT_EQ(out.tokens[0], record.at("ids").size());
    ASSERT_NO_FATAL_FAILURE(expect_weights(weights_of(out, 0), expected_weights(record)));
    ++records;
    entries += out.sparse.indices.size();
    if (!GetParam().tokens) {
      EXPECT_EQ(out.width, 0u);
      EXPECT_TRUE(out.values.empty());
      return;
    }
    ASSERT_NO_FATAL_FAILURE(expect_near(out.values, numbers_of(record.at("vector"))));
    std::vector<float> vectors;
    for (const JsonValue& row : record.at("vectors").elements()) {
      const std::vector<float> values = numbers_of(row);
      vectors.insert(vectors.end(), values.begin(), values.end());
    }
    EXPECT_EQ(out.multi.starts, (std::vector<std::size_t>{0, record.at("vectors").size()}));
    ASSERT_NO_FATAL_FAILURE(expect_near(out.multi.values, vectors));
  });
  EXPECT_EQ(records, 21u);
  EXPECT_GT(entries, 100u);
}

std::vector<std::string> all_texts(const std::string& model) {
  std::vector<std::string> texts;
  for_each_record(records_of(model),
                  [&](const JsonValue& record) { texts.emplace_back(record.at("text").string()); });
  return texts;
}

// Bit for bit, and whatever else is asked for in the same call.
TEST_P(SparseParity, ATextHasTheSameWeightsInAnyCompany) {
  const Model model = load_model(sparse_config(GetParam()));
  const std::vector<std::string> texts = all_texts(GetParam().model);
  EmbedOptions all{.dense = GetParam().tokens, .sparse = true, .multi_vector = GetParam().tokens};
  const Embeddings together = model.predict(texts, all);
  ASSERT_EQ(together.sparse.starts.size(), texts.size() + 1);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const std::vector<std::string> one = {texts[i]};
    const Embeddings alone = model.sparse(one);
    EXPECT_EQ(alone.width, 0u);
    EXPECT_EQ(weights_of(alone, 0), weights_of(together, i)) << texts[i];
    if (!GetParam().tokens) continue;
    const Embeddings vectors = model.predict(one, {.dense = false, .multi_vector = true});
    const auto begin = together.multi.values.begin() +
                       static_cast<std::ptrdiff_t>(together.multi.starts[i] * together.multi.width);
    EXPECT_TRUE(std::equal(vectors.multi.values.begin(), vectors.multi.values.end(), begin));
    const std::vector<float> dense = model.predict(texts[i]);
    EXPECT_TRUE(std::ranges::equal(dense, together.row(i)));
  }
}

INSTANTIATE_TEST_SUITE_P(All, SparseParity,
                         testing::Values(SparseCase{"bge-m3-tiny", "native", "fp32", true},
                                         SparseCase{"bge-m3-tiny", "native", "bf16", true},
                                         SparseCase{"bge-m3-tiny", "native", "int8-weights", true},
                                         SparseCase{"bge-m3-tiny", "native", "int8", true},
                                         SparseCase{"bge-m3-tiny", "portable", "fp32", true},
                                         SparseCase{"splade-tiny", "portable", "fp32"},
                                         SparseCase{"splade-roberta-tiny", "portable", "fp32"},
                                         SparseCase{"splade-tiny", "native", "fp32"},
                                         SparseCase{"splade-tiny", "native", "bf16"},
                                         SparseCase{"splade-tiny", "native", "int8-weights"},
                                         SparseCase{"splade-tiny", "native", "int8"},
                                         SparseCase{"splade-roberta-tiny", "native", "fp32"},
                                         SparseCase{"splade-roberta-tiny", "native", "bf16"},
                                         SparseCase{"splade-roberta-tiny", "native", "int8"}));

TEST(SparseModel, RefusesWhatItDoesNotGive) {
  const Model splade = load_model(sparse_config({"splade-tiny", "native", "fp32"}));
  const std::vector<std::string> texts = {"a"};
  const auto says = [&](const EmbedOptions& options) {
    return coded_error_of([&] { splade.predict(texts, options); });
  };
  EXPECT_EQ(says({}), "INVALID_ARGUMENT splade-tiny has no dense vectors; it gives: sparse");
  EXPECT_EQ(says({.dense = false, .multi_vector = true}),
            "INVALID_ARGUMENT splade-tiny has no vectors of tokens; it gives: sparse");
  EXPECT_NE(says({.dense = false}).find("nothing is asked for"), std::string::npos);
  EXPECT_NE(says({.late_chunking = true, .dense = false, .sparse = true}).find("late chunking"),
            std::string::npos);
  EXPECT_EQ(says({.dimensions = 7, .dense = false, .sparse = true}), "");  // of dense vectors alone
  EXPECT_TRUE(splade.predict(std::vector<std::string>{}, {.dense = false, .sparse = true})
                  .sparse.indices.empty());

  const Model dense = load_model(sparse_config({"xlmr-tiny", "native", "fp32"}));
  EXPECT_EQ(coded_error_of([&] { dense.sparse(texts); }),
            "INVALID_ARGUMENT xlmr-tiny has no sparse vectors; it gives: dense");
}

// The most that the rows can take before a run, and what they do take after it.
TEST(SparseModel, AnAnswerIsChargedAsMuchAsItTakes) {
  const Model model = load_model(sparse_config({"splade-tiny", "native", "fp32"}));
  const std::vector<std::string> texts(10, "a cat");
  const std::size_t most = texts.size() * model.info().vocabulary * 8;
  EmbedOptions options{.dense = false, .sparse = true};
  options.queue.memory = std::make_shared<MemoryAccount>("server.request_memory", 3 * most);
  {
    const Embeddings out = model.predict(texts, options);
    const std::size_t bytes =
        out.sparse.indices.size() * 8 + out.sparse.starts.size() * sizeof(std::size_t);
    EXPECT_EQ(options.queue.memory->used(), bytes);
    EXPECT_LT(bytes, most);
    EXPECT_GE(options.queue.memory->peak(), 2 * most);
  }
  EXPECT_EQ(options.queue.memory->used(), 0u);
  options.queue.memory = std::make_shared<MemoryAccount>("server.request_memory", most);
  EXPECT_NE(coded_error_of([&] { model.predict(texts, options); }).find("RESOURCE_EXHAUSTED"),
            std::string::npos);
}

// Without the files of the heads, which the graph has.
TEST(SparseModel, ACompiledFolderGivesTheSame) {
  for (const std::string name : {"bge-m3-tiny", "splade-tiny"}) {
    const SparseCase base{name, "native", "fp32"};
    TemporaryFolder folder;
    const std::string compiled = (folder / "compiled").string();
    compile_model(sparse_config(base).checkpoints.repo_id, compiled, {.with_companions = true});
    const Model model = load_model(compiled);
    const Model origin = load_model(sparse_config(base));
    EXPECT_EQ(model.info().dense, origin.info().dense);
    EXPECT_EQ(model.info().multi_vector, origin.info().multi_vector);
    const std::vector<std::string> texts = all_texts(name);
    const SparseVectors found = model.sparse(texts).sparse;
    const SparseVectors expected = origin.sparse(texts).sparse;
    EXPECT_EQ(found.indices, expected.indices);
    EXPECT_EQ(found.weights, expected.weights);
  }
}

// A decoder that is the word table is stored once, where both have the same numbers.
TEST(SparseModel, ATiedDecoderIsStoredOnce) {
  TemporaryFolder folder;
  const auto bytes = [&](const std::string& model, const std::string& precision) {
    CompileOptions options;
    options.precision = precision;
    return compile_model(sparse_config({model, "", ""}).checkpoints.repo_id,
                         (folder / (model + precision)).string(), options)
        .weight_bytes;
  };
  // bert-tiny is the same encoder with the same vocabulary, and a pooler that is not compiled.
  const std::size_t table = 420 * 32 * sizeof(float);
  EXPECT_LT(bytes("splade-tiny", "fp32"), bytes("bert-tiny", "fp32") + table / 2);
  EXPECT_LT(bytes("splade-tiny", "int8-weights"), bytes("bert-tiny", "int8-weights") + table / 2);
  EXPECT_GT(bytes("splade-tiny", "int8"), bytes("bert-tiny", "int8") + table / 4);
}

// Pieces of a batch whose rows over the vocabulary take more than a piece may.
TEST(SparseModel, ALargeBatchRunsInPieces) {
  const Model model = load_model(sparse_config({"splade-tiny", "native", "fp32"}));
  const std::size_t piece = (std::size_t{16} << 20) / (model.info().vocabulary * sizeof(float));
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < piece + 100; ++i) texts.push_back(i % 3 == 0 ? "a cat" : "the dog");
  const Embeddings out = model.sparse(texts);
  ASSERT_EQ(out.sparse.starts.size(), texts.size() + 1);
  for (std::size_t i = 2; i < texts.size(); ++i) {
    ASSERT_EQ(weights_of(out, i), weights_of(out, i % 3 == 0 ? 0 : 1)) << i;
  }
}

}  // namespace
}  // namespace nestvec
