// SPDX-License-Identifier: Apache-2.0
// What holds of every family's native graph beside its vectors (parity_test.cc): company does not
// change a bit, texts of all tasks in one call are as each alone, narrow precisions stay near; and
// jina-embeddings-v5 as those meet it who come from v3.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <string>
#include <vector>

#include "compile/artefact.h"
#include "engine/model_folder.h"
#include "engine/module_stack.h"
#include "nestvec/model.h"
#include "nestvec/tasks.h"
#include "ops/isa.h"
#include "session/ort_session.h"
#include "session/packed_session.h"
#include "support/error_of.h"
#include "support/folders.h"
#include "support/jsonl_gz.h"

namespace nestvec {
namespace {

std::string model_folder(const std::string& name) { return test_data() + "/../models/" + name; }
std::string cache() { return test_build() + "/families-cache"; }

Model load(const std::string& name, const std::string& precision, std::size_t batch = 0) {
  ModelConfig config;
  config.checkpoints.repo_id = model_folder(name);
  config.runtime.cache_dir = cache();
  config.runtime.precision = precision;
  if (batch > 0) config.runtime.max_batch_tokens = batch;
  return load_model(config);
}

// Of 1 to some 100 tokens, in an order that puts unequal ones beside each other.
std::vector<std::string> texts_of_all_lengths() {
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < 40; ++i) {
    std::string text = "text";
    for (std::size_t words = i * 17 % 45; words > 0; --words) text += words % 3 ? " of" : " many";
    texts.push_back(text);
  }
  return texts;
}

struct Body {
  std::string model;
  std::string precision;
};

void PrintTo(const Body& body, std::ostream* out) { *out << body.model << " " << body.precision; }

class Bodies : public testing::TestWithParam<Body> {};

TEST_P(Bodies, AVectorIsTheSameInAnyCompanyAndBesideAnyTask) {
  const auto& [name, precision] = GetParam();
  const Model model = load(name, precision);
  const Model small_batches = load(name, precision, 200);
  const std::vector<std::string> texts = texts_of_all_lengths();
  std::vector<std::string> tasks(texts.size());
  const std::vector<TaskInfo>& known = model.info().tasks;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const std::size_t choice = i % (known.size() + 1);
    tasks[i] = choice == 0 ? "none" : known[choice - 1].name;
  }
  const Embeddings together = model.predict(texts, tasks);
  EXPECT_EQ(together.values, small_batches.predict(texts, tasks).values);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const std::vector<float> alone = model.predict(texts[i], {.task = tasks[i]});
    EXPECT_TRUE(std::equal(alone.begin(), alone.end(), together.row(i).begin())) << i;
  }
}

std::vector<Body> bodies() {
  std::vector<Body> all;
  for (const char* model :
       {"eurobert-tiny", "qwen3-tiny", "modernbert-tiny", "distilbert-tiny", "nomic-tiny",
        "gte-tiny", "gemma-tiny", "mpnet-tiny", "jina-v2-tiny", "jina-v2-code-tiny", "roberta-tiny",
        "electra-tiny", "v5-nano-tiny", "v5-small-tiny", "embeddinggemma-tiny"}) {
    for (const char* precision : {"fp32", "bf16", "int8-weights"}) {
      all.push_back({model, precision});
    }
  }
  for (const char* model :
       {"modernbert-tiny", "distilbert-tiny", "nomic-tiny", "gte-tiny", "mpnet-tiny",
        "jina-v2-tiny", "jina-v2-code-tiny", "roberta-tiny", "electra-tiny"}) {
    all.push_back({model, "int8"});
  }
  return all;
}

INSTANTIATE_TEST_SUITE_P(Models, Bodies, testing::ValuesIn(bodies()), [](const auto& suite) {
  std::string name = suite.param.model + "_" + suite.param.precision;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

double cosine(const std::vector<float>& a, const std::vector<double>& b) {
  double ab = 0;
  double aa = 0;
  double bb = 0;
  for (std::size_t i = 0; i < b.size(); ++i) {
    const auto x = static_cast<double>(a[i]);
    ab += x * b[i];
    aa += x * x;
    bb += b[i] * b[i];
  }
  return ab / std::sqrt(aa * bb);
}

// What is added to scores, beside the mask of a graph that pads.
TEST(Padded, ABiasOfScoresStandsBesideTheMask) {
  for (const char* name : {"mpnet-tiny", "jina-v2-code-tiny", "modernbert-tiny", "gemma-tiny"}) {
    const std::string folder = model_folder(name);
    const ModelSpec spec = read_model_spec(folder);
    PackedBatch batch;
    for (const std::uint32_t length : {3u, 40u, 17u}) {
      Sequence sequence;
      for (std::uint32_t i = 0; i < length; ++i) sequence.ids.push_back(5 + i * 7 % 90);
      sequence.spans = {{0, length}};
      batch.add(sequence);
    }
    RunOutput native;
    RunOutput padded;
    const Artefact packed = compile_into_cache(folder, spec, cache(), {.layout = "packed"});
    open_packed_session({packed.graph_path, 1, machine_isa()})->run(batch, {}, native);
    const Artefact stock = compile_into_cache(folder, spec, cache(), {.layout = "padded"});
    open_ort_session({stock.graph_path, 1, 0})->run(batch, {}, padded);
    ASSERT_EQ(native.rows.size(), padded.rows.size());
    for (std::size_t i = 0; i < native.rows.size(); ++i) {
      EXPECT_NEAR(native.rows[i], padded.rows[i], 1e-5) << name << " " << i;
    }
  }
}

enum class Pooled { kFirst, kMean, kLast };

struct Reference {
  const char* model;
  Pooled pooled;
};

// The least cosine with the float64 vectors of the records that need no adapter, modules behind the
// pooling included. Below the door of the engine, which refuses int8 for some families.
double least_cosine(const Reference& reference, const std::string& precision) {
  const std::string name = reference.model;
  const std::string folder = model_folder(name);
  const ModelSpec spec = read_model_spec(folder);
  const Artefact artefact =
      compile_into_cache(folder, spec, cache(), {.layout = "packed", .precision = precision});
  const std::unique_ptr<Session> session =
      open_packed_session({artefact.graph_path, 1, machine_isa()});
  const ModuleStack modules(read_model_folder(folder).modules, spec.hidden, machine_isa());
  double least = 1;
  for_each_record(test_data() + "/embed/" + name + ".jsonl.gz", [&](const JsonValue& record) {
    const bool adapted = !spec.adapters.tasks.empty();
    if (adapted && record.find("task") && record.at("task").string() != "none") return;
    Sequence sequence;
    for (const JsonValue& id : record.at("ids").elements()) {
      sequence.ids.push_back(static_cast<std::uint32_t>(id.integer()));
    }
    const auto size = static_cast<std::uint32_t>(sequence.ids.size());
    sequence.spans = {{reference.pooled == Pooled::kLast ? size - 1 : 0,
                       reference.pooled == Pooled::kFirst ? 1 : size}};
    PackedBatch batch;
    batch.add(sequence);
    RunOutput out;
    session->run(batch, {}, out);
    std::vector<double> expected;
    for (const JsonValue& value : record.at("vector").elements()) {
      expected.push_back(value.number());
    }
    std::vector<std::vector<float>> rows = {out.rows};
    modules.run(rows);
    least = std::min(least, cosine(rows[0], expected));
  });
  return least;
}

TEST(Precisions, StayNearTheReference) {
  constexpr Reference kReferences[] = {
      {"bert-tiny", Pooled::kMean},       {"xlmr-tiny", Pooled::kFirst},
      {"v3-tiny", Pooled::kMean},         {"distilbert-tiny", Pooled::kMean},
      {"modernbert-tiny", Pooled::kMean}, {"nomic-tiny", Pooled::kMean},
      {"gte-tiny", Pooled::kFirst},       {"mpnet-tiny", Pooled::kMean},
      {"jina-v2-tiny", Pooled::kMean},    {"jina-v2-code-tiny", Pooled::kMean},
      {"roberta-tiny", Pooled::kMean},    {"electra-tiny", Pooled::kMean},
      {"eurobert-tiny", Pooled::kLast},   {"qwen3-tiny", Pooled::kLast},
      {"gemma-tiny", Pooled::kMean},      {"v5-nano-tiny", Pooled::kLast},
      {"v5-small-tiny", Pooled::kLast},   {"embeddinggemma-tiny", Pooled::kMean}};
  for (const Reference& reference : kReferences) {
    const char* model = reference.model;
    const double bf16 = least_cosine(reference, "bf16");
    const double weights = least_cosine(reference, "int8-weights");
    const double int8 = least_cosine(reference, "int8");
    std::printf("%-19s least cosine with float64: bf16 %.6f, int8-weights %.6f, int8 %.6f\n", model,
                bf16, weights, int8);
    EXPECT_GT(bf16, 0.999) << model;
    EXPECT_GT(weights, 0.995) << model;  // half of the loss that `nestvec compile` refuses
    EXPECT_GT(int8, 0.99) << model;
  }
}

// On every processor, of every kind of body.
TEST(Precisions, AutoIsNeverInt8) {
  for (const Isa level : machine_isas()) {
    ::setenv("NESTVEC_MAX_ISA", std::string(isa_name(level)).c_str(), 1);
    for (const char* name : {"bert-tiny", "qwen3-tiny"}) {
      const std::string chosen = load(name, "auto").info().precision;
      EXPECT_EQ(chosen, multiplies_bf16(level) ? "bf16" : "fp32") << isa_name(level) << " " << name;
    }
  }
  ::unsetenv("NESTVEC_MAX_ISA");
}

TEST(Precisions, Int8IsRefusedWhereRealActivationsDoNotBearIt) {
  const std::string error =
      error_of([] { load("v5-nano-tiny", "int8"); }, ErrorCode::kUnimplemented);
  EXPECT_NE(error.find("precision int8 is not supported for the family jina-embeddings-v5"),
            std::string::npos)
      << error;
  EXPECT_NE(error.find("use int8-weights, bf16 or fp32"), std::string::npos) << error;
}

TEST(JinaV5, NamesOfV3AndItsOwnAreTasks) {
  const Model model = load("v5-nano-tiny", "fp32");
  std::vector<std::string> names;
  for (const TaskInfo& task : model.info().tasks) names.push_back(task.name + "=" + task.prompt);
  EXPECT_EQ(names,
            (std::vector<std::string>{
                "retrieval.query=Query: ", "retrieval.passage=Document: ", "retrieval=Document: ",
                "text-matching=Document: ", "clustering=Document: ", "classification=Document: "}));
  EXPECT_EQ(model.info().default_task, "text-matching");
  EXPECT_EQ(model.info().pooling, "lasttoken");
  EXPECT_EQ(find_task(model.info(), "separation"), "clustering");
  EXPECT_EQ(find_task(model.info(), "search_query"), "retrieval.query");
  EXPECT_EQ(find_task(model.info(), "document"), "retrieval.passage");
  const std::string error = error_of([&] { model.predict("a", {.task = "summarisation"}); });
  EXPECT_NE(error.find("retrieval.query, retrieval.passage, retrieval, text-matching"),
            std::string::npos)
      << error;
  EXPECT_EQ(model.predict("a text"), model.predict("a text", {.task = "text-matching"}));
  EXPECT_NE(model.predict("a text"), model.predict("a text", {.task = "none"}));
}

TEST(JinaV5, LateChunkingIsRefusedWithTheReason) {
  const std::vector<std::string> chunks = {"One chunk.", "Another."};
  const auto refusal = [&](const char* name) {
    const Model model = load(name, "fp32");
    return error_of([&] { model.predict(chunks, {.late_chunking = true}); },
                    ErrorCode::kUnimplemented);
  };
  EXPECT_NE(refusal("v5-nano-tiny").find("last token"), std::string::npos);
  EXPECT_NE(refusal("v5-small-tiny").find("only those before it"), std::string::npos);
}

// Its folder's prompts are tasks under their own names and under those of other services, and the
// vector is as wide as the last of its modules.
TEST(EmbeddingGemma, PromptsAreTasksAndModulesTheWidth) {
  const Model model = load("embeddinggemma-tiny", "fp32");
  std::vector<std::string> names;
  for (const TaskInfo& task : model.info().tasks) names.push_back(task.name + "=" + task.prompt);
  EXPECT_EQ(names, (std::vector<std::string>{
                       "query=task: search result | query: ", "document=title: none | text: ",
                       "Clustering=task: clustering | query: ",
                       "STS=task: sentence similarity | query: ", "none="}));
  EXPECT_EQ(model.info().default_task, "none");
  EXPECT_EQ(find_task(model.info(), "retrieval.query"), "query");
  EXPECT_EQ(find_task(model.info(), "retrieval.passage"), "document");
  EXPECT_EQ(model.info().dimensions, 32u);
  EXPECT_EQ(model.info().pooling, "mean");
  EXPECT_EQ(model.predict("a text"), model.predict("a text", {.task = "none"}));
  EXPECT_NE(model.predict("a text"), model.predict("a text", {.task = "query"}));
}

// A prompt makes an empty text a text; without one there is nothing to take the last token of, as
// these tokenizers add no special tokens.
TEST(JinaV5, NoTokensAreNoVector) {
  const Model model = load("v5-small-tiny", "fp32");
  EXPECT_EQ(model.predict("").size(), model.info().dimensions);
  if (model.tokenize("").ids.empty()) {
    EXPECT_NE(error_of([&] { model.predict("", {.task = "none"}); }).find("has no tokens"),
              std::string::npos);
  }
}

}  // namespace
}  // namespace nestvec
