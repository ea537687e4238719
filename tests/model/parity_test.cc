// SPDX-License-Identifier: Apache-2.0
// The whole line against the references' vectors (tests/data/embed/README.md): compiled graphs of
// every family and naming, from safetensors and from exports, and the exports as they are.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <map>
#include <optional>

#include "base/environment.h"
#include "compile/artefact.h"
#include "nestvec/model.h"
#include "session/ort_session.h"
#include "session/packed_session.h"
#include "support/folders.h"
#include "support/jsonl_gz.h"
#include "support/slow_run.h"

namespace nestvec {
namespace {

// What fp32 on both sides allows; token embeddings are of size 1.
constexpr double kTolerance = 1e-5;

const std::string kModels = test_data() + "/../models/";
const std::string kRecords = test_data() + "/embed/";

struct Case {
  std::string model;
  std::string graph;  // as runtime.graph
  std::string records;
};

void PrintTo(const Case& c, std::ostream* out) {
  *out << c.model << " (" << c.graph << ") on " << c.records;
}

std::string cache_folder() { return test_build() + "/parity-cache"; }

ModelConfig config_of(const std::string& model, const std::string& graph, std::size_t max_tokens) {
  ModelConfig config;
  config.runtime.graph = graph;
  config.runtime.precision = "fp32";
  config.checkpoints.repo_id = kModels + model;
  config.runtime.cache_dir = cache_folder();
  config.runtime.max_tokens = max_tokens;
  return config;
}

// Adapters that are no part of the model, where the records are theirs: "adapters-NAME.jsonl.gz".
void add_adapters(const Case& c, ModelConfig& config) {
  if (!c.records.starts_with("adapters-")) return;
  for (const auto& entry : std::filesystem::directory_iterator(kModels + "adapters/" + c.model)) {
    config.checkpoints.adapters.emplace_back(entry.path().filename().string(),
                                             entry.path().string());
  }
}

std::vector<float> floats(const JsonValue& array) {
  std::vector<float> values;
  for (const JsonValue& value : array.elements())
    values.push_back(static_cast<float>(value.number()));
  return values;
}

EmbedOptions options_of(const JsonValue& record) {
  EmbedOptions options;
  options.task = record.find("task") ? record.at("task").string() : "";
  if (const auto prompt = record.find("add_prompt")) options.add_prompt = prompt->boolean();
  if (const auto normalize = record.find("normalize")) options.normalize = normalize->boolean();
  if (const auto dimensions = record.find("dimensions")) {
    options.dimensions = static_cast<std::size_t>(dimensions->integer());
  }
  const auto truncation = record.find("truncation");
  if (truncation && truncation->string() == "left") options.truncation = Truncation::kLeft;
  options.late_chunking = record.find("chunks").has_value();
  return options;
}

class Parity : public testing::TestWithParam<Case> {
 protected:
  bool published() const { return GetParam().graph == "published"; }

  // The model with the record's limit, loaded once for each limit.
  const Model& model_for(const JsonValue& record) {
    const auto limit = record.find("max_tokens");
    const std::size_t max_tokens = limit ? static_cast<std::size_t>(limit->integer()) : 0;
    auto [entry, added] = models_.try_emplace(max_tokens);
    if (added) {
      ModelConfig config = config_of(GetParam().model, GetParam().graph, max_tokens);
      add_adapters(GetParam(), config);
      config.runtime.matryoshka_layer_norm = GetParam().records.starts_with("matryoshka-");
      entry->second.emplace(load_model(config));
    }
    return *entry->second;
  }

  void compare(std::span<const float> actual, std::span<const float> expected) {
    ASSERT_EQ(actual.size(), expected.size());
    for (std::size_t i = 0; i < actual.size(); ++i) {
      const double difference =
          std::abs(static_cast<double>(actual[i]) - static_cast<double>(expected[i]));
      worst_ = std::max(worst_, difference);
      ASSERT_LE(difference, kTolerance) << "value " << i;
    }
    ++compared_;
  }

  void check_text(const JsonValue& record) {
    const std::vector<std::string> texts = {std::string(record.at("text").string())};
    const Embeddings out = model_for(record).predict(texts, options_of(record));
    EXPECT_EQ(out.tokens[0], record.at("ids").size());
    if (record.find("truncation")) {
      EXPECT_EQ(out.truncated.size(), 1u);
    }
    compare(out.values, floats(record.at("vector")));
  }

  void check_tokens(const JsonValue& record) {
    const TokenEmbeddings out =
        model_for(record).tokenize_and_embed(record.at("text").string(), options_of(record));
    std::vector<float> hidden;
    for (const JsonValue& row : record.at("hidden").elements()) {
      const std::vector<float> values = floats(row);
      hidden.insert(hidden.end(), values.begin(), values.end());
    }
    compare(out.values, hidden);
    const std::vector<JsonValue> offsets = record.at("byte_offsets").elements();
    ASSERT_EQ(out.offsets.size(), offsets.size());
    for (std::size_t i = 0; i < offsets.size(); ++i) {
      EXPECT_EQ(out.ids[i], record.at("ids").elements()[i].integer());
      EXPECT_EQ(out.offsets[i].first, offsets[i].elements()[0].integer());
      EXPECT_EQ(out.offsets[i].second, offsets[i].elements()[1].integer());
    }
  }

  void check_chunks(const JsonValue& record) {
    std::vector<std::string> chunks;
    for (const JsonValue& chunk : record.at("chunks").elements())
      chunks.emplace_back(chunk.string());
    if (const auto refused = record.find("error")) {
      try {
        model_for(record).predict(chunks, options_of(record));
        ADD_FAILURE() << "accepted a chunk without tokens";
      } catch (const Error& error) {
        const std::string name = "chunk " + std::to_string(refused->integer()) + " ";
        EXPECT_TRUE(std::string(error.what()).starts_with(name)) << error.what();
      }
      return;
    }
    const Embeddings out = model_for(record).predict(chunks, options_of(record));
    const std::vector<JsonValue> vectors = record.at("vectors").elements();
    ASSERT_EQ(out.rows, vectors.size());
    for (std::size_t i = 0; i < vectors.size(); ++i) {
      EXPECT_EQ(out.tokens[i], record.at("tokens").elements()[i].integer());
      compare(out.row(i), floats(vectors[i]));
    }
  }

  // A sequence that no text gives: a single token, below the session's door.
  void check_ids(const JsonValue& record) {
    CompileOptions options;
    if (GetParam().graph == "portable") options.layout = "rectangular";
    const std::string model = kModels + GetParam().model;
    const Artefact artefact =
        compile_into_cache(model, read_model_spec(model), cache_folder(), options);
    Sequence sequence;
    for (const JsonValue& id : record.at("ids").elements()) {
      sequence.ids.push_back(static_cast<std::uint32_t>(id.integer()));
    }
    sequence.spans = {{0, static_cast<std::uint32_t>(sequence.ids.size())}};
    const std::vector<std::string>& tasks = artefact.spec.adapters.tasks;
    const auto task = std::find(tasks.begin(), tasks.end(), record.at("task").string());
    if (task != tasks.end()) sequence.task = static_cast<std::int32_t>(task - tasks.begin());
    PackedBatch batch;
    batch.add(sequence);
    RunOutput out;
    const std::unique_ptr<Session> session =
        GetParam().graph == "portable"
            ? open_ort_session({artefact.graph_path, 1, 0})
            : open_packed_session({artefact.graph_path, 1, machine_isa()});
    session->run(batch, {}, out);
    double norm = 0;
    for (const float value : out.rows)
      norm += static_cast<double>(value) * static_cast<double>(value);
    for (float& value : out.rows)
      value = static_cast<float>(static_cast<double>(value) / std::sqrt(norm));
    compare(out.rows, floats(record.at("vector")));
  }

  std::map<std::size_t, std::optional<Model>> models_;
  double worst_ = 0;
  std::size_t compared_ = 0;
};

TEST_P(Parity, EqualsTheReference) {
  std::size_t number = 0;
  for_each_record(kRecords + GetParam().records, [&](const JsonValue& record) {
    if (kSlowRun && number++ % 4 != 0) return;
    SCOPED_TRACE(record.error("here").what());
    // Published exports always apply an adapter, and take nothing but texts.
    const bool none = record.find("task") && record.at("task").string() == "none";
    if (published() && (none || !(record.find("text") || record.find("chunks")))) return;
    if (record.find("chunks")) {
      check_chunks(record);
    } else if (!record.find("text")) {
      check_ids(record);
    } else if (record.find("hidden")) {
      check_tokens(record);
    } else {
      check_text(record);
    }
  });
  EXPECT_GT(compared_, 0u);
  RecordProperty("largest_difference", std::to_string(worst_));
  std::printf("%-16s %-10s %-24s %4zu vectors, largest difference %.1e\n", GetParam().model.c_str(),
              GetParam().graph.c_str(), GetParam().records.c_str(), compared_, worst_);
}

std::vector<Case> cases() {
  std::vector<Case> all;
  const auto add = [&all](const std::string& model, const std::vector<std::string>& records) {
    for (const std::string& name : records) {
      const std::string file = name + ".jsonl.gz";
      all.push_back({model, "native", file});
      all.push_back({model, "portable", file});
      if (model.ends_with("-onnx")) all.push_back({model, "published", file});
    }
  };
  for (const char* model : {"v3-tiny", "v3-tiny-sharded", "v3-tiny-hf", "v3-tiny-onnx"}) {
    add(model, {"v3-tiny", "v3-tiny-tokens", "v3-tiny-late"});
  }
  add("v3-narrow", {"v3-narrow", "v3-narrow-late"});
  add("v3-narrow-onnx", {"v3-narrow", "v3-narrow-late"});
  add("bert-tiny", {"bert-tiny"});
  add("bert-tiny-onnx", {"bert-tiny"});
  add("xlmr-tiny", {"xlmr-tiny"});
  add("xlmr-tiny-onnx", {"xlmr-tiny"});
  for (const char* model :
       {"eurobert-tiny", "qwen3-tiny", "modernbert-tiny", "distilbert-tiny", "nomic-tiny",
        "gte-tiny", "gemma-tiny", "mpnet-tiny", "jina-v2-tiny", "jina-v2-code-tiny", "roberta-tiny",
        "simcse-tiny", "electra-tiny", "v5-nano-tiny", "v5-small-tiny"}) {
    add(model, {model});
  }
  add("dense-tiny", {"dense-tiny"});
  add("embeddinggemma-tiny", {"embeddinggemma-tiny"});
  add("nomic-tiny", {"matryoshka-nomic-tiny"});
  for (const char* model : {"bert-narrow", "modernbert-narrow", "qwen3-narrow"}) {
    add(model, {model});
  }
  for (const char* model : {"bert-tiny", "qwen3-tiny"}) {
    add(model, {"adapters-" + std::string(model)});
  }
  return all;
}

INSTANTIATE_TEST_SUITE_P(Models, Parity, testing::ValuesIn(cases()), [](const auto& suite) {
  std::string name = suite.param.model + "_" + suite.param.graph + "_" +
                     suite.param.records.substr(0, suite.param.records.find('.'));
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

}  // namespace
}  // namespace nestvec
