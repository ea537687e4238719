// SPDX-License-Identifier: Apache-2.0
// Compiled graphs on ONNX Runtime against a plain encoder in double precision.
#include "compile/portable.h"

#include <gtest/gtest.h>
#include <onnxruntime_cxx_api.h>

#include <algorithm>
#include <cmath>

#include "base/file.h"
#include "compile/artefact.h"
#include "nestvec/error.h"
#include "session/ort_support.h"
#include "support/test_model.h"

namespace nestvec {
namespace {

// fp32 parity as the project promises it, on values of about 1.
constexpr double kParity = 1e-5;

using Ids = std::vector<std::vector<std::int64_t>>;

// One artefact in ONNX Runtime.
class Runner {
 public:
  explicit Runner(const Artefact& artefact) : artefact_(artefact) {
    Ort::SessionOptions options;
    options.SetIntraOpNumThreads(1);
    session_ = Ort::Session(environment_, artefact.graph_path.c_str(), options);
  }

  // [texts][longest][hidden]
  std::vector<float> run(const Ids& texts, std::vector<std::int64_t> tasks) {
    std::size_t longest = 0;
    for (const auto& ids : texts) longest = std::max(longest, ids.size());
    std::vector<std::int64_t> ids;
    std::vector<std::int64_t> mask;
    for (const auto& text : texts) {
      ids.insert(ids.end(), text.begin(), text.end());
      ids.insert(ids.end(), longest - text.size(), artefact_.spec.pad_id);
      mask.insert(mask.end(), text.size(), 1);
      mask.insert(mask.end(), longest - text.size(), 0);
    }
    const auto count = static_cast<std::int64_t>(texts.size());
    const std::vector<std::int64_t> shape = {count, static_cast<std::int64_t>(longest)};
    std::vector<const char*> names = {"input_ids"};
    std::vector<Ort::Value> values;
    values.push_back(tensor(ids, shape));
    if (artefact_.layout == "padded") {
      names.push_back("attention_mask");
      values.push_back(tensor(mask, shape));
    }
    if (!artefact_.spec.adapters.tasks.empty()) {
      names.push_back("task_ids");
      values.push_back(tensor(tasks, {count}));
    }
    const char* output = "token_embeddings";
    const std::vector<Ort::Value> results =
        session_.Run(Ort::RunOptions(), names.data(), values.data(), values.size(), &output, 1);
    const float* data = results[0].GetTensorData<float>();
    return {data, data + results[0].GetTensorTypeAndShapeInfo().GetElementCount()};
  }

  std::string metadata(const char* key) {
    Ort::AllocatorWithDefaultOptions allocator;
    const auto value = session_.GetModelMetadata().LookupCustomMetadataMapAllocated(key, allocator);
    return value ? value.get() : "";
  }

 private:
  static Ort::Value tensor(std::vector<std::int64_t>& data,
                           const std::vector<std::int64_t>& shape) {
    const auto memory = Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault);
    return Ort::Value::CreateTensor<std::int64_t>(memory, data.data(), data.size(), shape.data(),
                                                  shape.size());
  }

  Artefact artefact_;
  Ort::Env environment_ = quiet_environment();
  Ort::Session session_{nullptr};
};

struct Case {
  const char* name;
  Publication publication;
  Activation activation = Activation::kGelu;
  bool tied = true;
  std::size_t hidden = 32;
  std::size_t heads = 4;
};

ModelSpec spec_of(const Case& one) {
  ModelSpec spec;
  spec.vocabulary = 40;
  spec.hidden = one.hidden;
  spec.layers = 2;
  spec.heads = one.heads;
  spec.intermediate = 48;
  spec.layer_norm_eps = 1e-5f;
  spec.activation = one.activation;
  spec.max_positions = 64;
  spec.token_types = 1;
  spec.pad_id = 1;
  switch (one.publication) {
    case Publication::kBert:
      spec.token_types = 2;
      spec.pad_id = 0;
      break;
    case Publication::kXlmRoberta:
      spec.position_offset = 2;
      break;
    default:
      spec.positions = PositionKind::kRotary;
      spec.rotary_base = 20000.0;
      spec.adapters.tasks = {"retrieval.query", "separation", "text-matching"};
      spec.adapters.rank = 4;
      spec.adapters.scaling = 0.25f;
  }
  return spec;
}

class PortableTest : public testing::TestWithParam<std::tuple<Case, std::string>> {
 protected:
  const Case& one() const { return std::get<0>(GetParam()); }
  const std::string& layout() const { return std::get<1>(GetParam()); }
};

// Rectangles of one length, or texts of all lengths, with a padding token inside one of them.
Ids texts_for(const std::string& layout) {
  std::mt19937 engine(7);
  Ids texts;
  for (const std::size_t length : {11u, 1u, 5u, 23u, 2u, 17u}) {
    std::vector<std::int64_t>& text = texts.emplace_back(layout == "padded" ? length : 13u);
    for (std::int64_t& id : text) id = static_cast<std::int64_t>(2 + engine() % 38);
  }
  texts[3][4] = 1;
  return texts;
}

TEST_P(PortableTest, EqualsThePlainEncoder) {
  const ModelSpec spec = spec_of(one());
  const TestModel model(spec, one().publication, one().tied);
  TemporaryFolder folder;
  model.save(folder / "model");
  const Artefact artefact =
      compile_model((folder / "model").string(), (folder / "out").string(), {.layout = layout()});
  EXPECT_EQ(artefact.spec.adapters.tasks, spec.adapters.tasks);
  Runner runner(artefact);
  const Ids texts = texts_for(layout());
  const bool has_tasks = !spec.adapters.tasks.empty();
  const std::vector<std::int64_t> tasks =
      has_tasks ? std::vector<std::int64_t>{0, 1, 2, -1, 2, 0} : std::vector<std::int64_t>(6, -1);
  const std::vector<float> found = runner.run(texts, tasks);
  const std::size_t longest = found.size() / texts.size() / spec.hidden;
  double worst = 0.0;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const std::vector<double> expected = model.encode(texts[i], tasks[i]);
    for (std::size_t k = 0; k < expected.size(); ++k) {
      const double difference =
          std::abs(static_cast<double>(found[i * longest * spec.hidden + k]) - expected[k]);
      worst = std::isnan(difference) ? difference : std::max(worst, difference);
    }
  }
  EXPECT_LE(worst, kParity);
  RecordProperty("worst", std::to_string(worst));
}

TEST_P(PortableTest, SaysWhatItIs) {
  const ModelSpec spec = spec_of(one());
  TemporaryFolder folder;
  TestModel(spec, one().publication).save(folder / "model");
  Runner runner(
      compile_model((folder / "model").string(), (folder / "out").string(), {.layout = layout()}));
  EXPECT_EQ(runner.metadata("nestvec.layout"), layout());
  EXPECT_EQ(runner.metadata("nestvec.precision"), "fp32");
  EXPECT_EQ(runner.metadata("nestvec.width"), std::to_string(spec.hidden));
  EXPECT_EQ(runner.metadata("nestvec.max_tokens"), "64");
  EXPECT_EQ(runner.metadata("nestvec.tasks"),
            spec.adapters.tasks.empty() ? "" : "retrieval.query,separation,text-matching");
}

INSTANTIATE_TEST_SUITE_P(
    All, PortableTest,
    testing::Combine(
        testing::Values(Case{"Bert", Publication::kBert},
                        Case{"BertTanh", Publication::kBert, Activation::kGeluTanh},
                        Case{"BertRelu", Publication::kBert, Activation::kRelu},
                        Case{"XlmRoberta", Publication::kXlmRoberta},
                        Case{"Jina", Publication::kJina},
                        Case{"JinaOddHeads", Publication::kJina, Activation::kGelu, true, 36, 3},
                        Case{"JinaNative", Publication::kJinaNative},
                        Case{"JinaNativeFree", Publication::kJinaNative, Activation::kGelu, false}),
        testing::Values("rectangular", "padded")),
    [](const auto& test) {
      return std::string(std::get<0>(test.param).name) + "_" + std::get<1>(test.param);
    });

// Query, key and value that share an update cost no more than the fused form.
TEST(PortableSizeTest, TiedUpdatesAreStoredOnce) {
  TemporaryFolder folder;
  std::uint64_t bytes[3];
  const Case cases[] = {{"", Publication::kJina},
                        {"", Publication::kJinaNative},
                        {"", Publication::kJinaNative, Activation::kGelu, false}};
  for (std::size_t i = 0; i < 3; ++i) {
    const std::string name = std::to_string(i);
    TestModel(spec_of(cases[i]), cases[i].publication, cases[i].tied).save(folder / name);
    bytes[i] = compile_model((folder / name).string(), (folder / (name + ".out")).string(), {})
                   .weight_bytes;
  }
  EXPECT_EQ(bytes[0], bytes[1]);
  EXPECT_GT(bytes[2], bytes[1]);
}

}  // namespace
}  // namespace nestvec
