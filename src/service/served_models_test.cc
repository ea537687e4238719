// SPDX-License-Identifier: Apache-2.0
#include "service/served_models.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "support/test_service.h"

namespace nestvec {
namespace {

// The text of the error, with its code before it.
template <class Work>
std::string refusal(const Work& work) {
  try {
    work();
  } catch (const Error& error) {
    return std::string(error_code_name(error.code())) + ": " + error.what();
  }
  return "none";
}

Model load_tiny(const std::string& name) {
  ModelConfig config;
  config.checkpoints.repo_id = test_data() + "/../models/" + name;
  config.runtime.cache_dir = test_build() + "/api-cache";
  config.runtime.precision = "fp32";
  config.runtime.threads = 1;
  return load_model(config);
}

const Model& bert() {
  static const Model kModel = load_tiny("bert-tiny");
  return kModel;
}

// Two models under names, on one executor.
class ServedModelsTest : public testing::Test {
 protected:
  std::shared_ptr<const Service> service(const Model& model, std::vector<std::string> aliases) {
    const auto service = std::make_shared<Service>(
        model, test_.options, test_.metrics,
        [this](std::function<void()> work) { test_.executor.post(std::move(work)); }, "0.0.0");
    service->models = &models_;
    service->aliases = std::move(aliases);
    return service;
  }
  void add_both() {
    models_.add(service(test_model(), {"search", "text-embedding-3-small"}));
    models_.add(service(bert(), {"small"}));
  }
  std::string found(std::string_view name, ModelKind kind = ModelKind::kEmbed) {
    return models_.find(name, kind)->model.info().id;
  }

  TestService test_;
  ServedModels models_;
};

TEST_F(ServedModelsTest, OneModelIsMeantByAnyName) {
  models_.add(service(test_model(), {}));
  for (const char* name : {"", "v3-tiny", "text-embedding-3-small", "x:query"}) {
    EXPECT_EQ(found(name), "v3-tiny") << name;
  }
  test_.options.strict_model = true;
  EXPECT_EQ(found("owner/v3-tiny:query"), "v3-tiny");
  EXPECT_EQ(refusal([&] { found("other"); }),
            "NOT_FOUND: there is no model other here; this server has v3-tiny");
}

TEST_F(ServedModelsTest, OfSeveralANameMeansOne) {
  add_both();
  for (const char* name : {"", "v3-tiny", "V3-Tiny", "jinaai/v3-tiny", "v3-tiny:retrieval.query",
                           "v3-tiny-query", "search", "text-embedding-3-small:passage"}) {
    EXPECT_EQ(found(name), "v3-tiny") << name;
  }
  for (const char* name : {"bert-tiny", "small", "bert-tiny:latest", "small:query"}) {
    EXPECT_EQ(found(name), "bert-tiny") << name;
  }
  EXPECT_EQ(refusal([&] { found("bert"); }),
            "NOT_FOUND: there is no model bert here; this server has v3-tiny, search, "
            "text-embedding-3-small, bert-tiny, small");
}

TEST_F(ServedModelsTest, WithoutANameTheFirstOfTheKindIsMeant) {
  add_both();
  EXPECT_EQ(found("", ModelKind::kEmbed), "v3-tiny");
  EXPECT_EQ(found("", ModelKind::kRerank), "v3-tiny") << "whose own error says what it lacks";
}

TEST_F(ServedModelsTest, NamesAreNotShared) {
  models_.add(service(test_model(), {"search"}));
  EXPECT_EQ(refusal([&] { models_.add(service(bert(), {"Search"})); }),
            "ALREADY_EXISTS: two models have the name Search; give one of them another name");
  EXPECT_EQ(refusal([&] { models_.add(service(bert(), {"v3-tiny"})); }),
            "ALREADY_EXISTS: two models have the name v3-tiny; give one of them another name");
  EXPECT_EQ(models_.size(), 1u);
}

TEST_F(ServedModelsTest, RemovalWaitsForRequests) {
  add_both();
  ServedModels::Lease lease = models_.find("small", ModelKind::kEmbed);
  std::atomic<bool> removed = false;
  std::thread remover([&] {
    models_.remove("bert-tiny", std::chrono::hours(1), [](const Model&) { FAIL(); });
    removed = true;
  });
  while (models_.size() == 2) std::this_thread::yield();
  EXPECT_EQ(refusal([&] { found("small"); }).substr(0, 10), "none") << "one model is left";
  EXPECT_FALSE(removed);
  EXPECT_EQ(lease->model.info().id, "bert-tiny");
  lease.reset();
  remover.join();
}

TEST_F(ServedModelsTest, RequestsThatTakeTooLongAreEnded) {
  add_both();
  ServedModels::Lease lease = models_.find("small", ModelKind::kEmbed);
  std::string ended;
  models_.remove("small", std::chrono::milliseconds(1), [&](const Model& model) {
    ended = model.info().id;
    lease.reset();
  });
  EXPECT_EQ(ended, "bert-tiny");
}

TEST_F(ServedModelsTest, AnyMayLeaveButTheLast) {
  add_both();
  const auto end = [](const Model&) {};
  EXPECT_EQ(refusal([&] { models_.remove("none", std::chrono::seconds(0), end); }).substr(0, 9),
            "NOT_FOUND");
  EXPECT_EQ(models_.size(), 2u);
  models_.remove("search", std::chrono::hours(1), end);
  EXPECT_EQ(models_.find("", ModelKind::kAny)->model.info().id, "bert-tiny") << "the default now";
  EXPECT_EQ(refusal([&] { models_.remove("small", std::chrono::seconds(0), end); }),
            "FAILED_PRECONDITION: small is the only model of this server; load another one first");
  EXPECT_EQ(models_.size(), 1u);
}

TEST_F(ServedModelsTest, TheFirstOfAllKindsThatARequestNeeds) {
  add_both();
  using enum ModelKind;
  const auto of = [&](std::initializer_list<ModelKind> kinds) {
    return models_.find("", ModelKinds(kinds.begin(), kinds.size()))->model.info().id;
  };
  EXPECT_EQ(of({kEmbed}), "v3-tiny");
  EXPECT_EQ(of({kEmbed, kSparse}), "v3-tiny") << "whose error says what it lacks";
  EXPECT_EQ(of({kSparse}), "v3-tiny");
  const Model both = load_tiny("bge-m3-tiny");
  models_.add(service(both, {}));
  EXPECT_EQ(of({kEmbed}), "v3-tiny");
  EXPECT_EQ(of({kSparse}), "bge-m3-tiny");
  EXPECT_EQ(of({kEmbed, kSparse}), "bge-m3-tiny");
  EXPECT_EQ(of({kEmbed, kMultiVector}), "bge-m3-tiny");
  EXPECT_EQ(of({kEmbed, kRerank}), "v3-tiny");
}

TEST_F(ServedModelsTest, AnExchangeGoesToItsModel) {
  add_both();
  const ServedModels::Lease first = models_.find("", ModelKind::kAny);
  const Exchange exchange{.service = *first, .request = nullptr, .respond = {}, .client = "key"};
  const Exchange small = for_model(exchange, "small", ModelKind::kEmbed);
  EXPECT_EQ(small.service.model.info().id, "bert-tiny");
  EXPECT_EQ(small.client, "key");
  const Exchange alone{.service = test_.service, .request = nullptr, .respond = {}};
  EXPECT_EQ(for_model(alone, "small", ModelKind::kEmbed).service.model.info().id, "v3-tiny");
}

}  // namespace
}  // namespace nestvec
