// SPDX-License-Identifier: Apache-2.0
#include "dialects/rerank/rerank.h"

#include <gtest/gtest.h>

#include <utility>

#include "base/json.h"
#include "support/test_rules.h"
#include "support/test_service.h"

namespace nestvec {
namespace {

using Texts = std::vector<std::string>;

class Rerank : public testing::Test {
 protected:
  Rerank() {
    model_ = made_up_.model();
    model_.labels = {"LABEL_0"};
    model_.dense = false;
    model_.tasks.clear();
  }
  InputRules rules() const { return {model_, 4, {}}; }

  RerankRequest read(const std::string& members) const {
    const JsonDocument document = JsonDocument::parse("{" + members + "}", "body");
    return read_rerank(document.root(), rules());
  }
  // A request with a query and two documents, and more.
  RerankRequest with(const std::string& members) const {
    return read(R"("query":"q","documents":["a","b"],)" + members);
  }
  std::string refused(const std::string& members) const {
    const auto error = request_error([&] { read(members); });
    return error ? error->param() : "(nothing was thrown)";
  }
  std::string refused_with(const std::string& members) const {
    return refused(R"("query":"q","documents":["a","b"],)" + members);
  }
  ScoreCall score(const std::string& members) const {
    const JsonDocument document = JsonDocument::parse("{" + members + "}", "body");
    return read_score(document.root(), rules());
  }
  std::string score_refused(const std::string& members) const {
    const auto error = request_error([&] { score(members); });
    return error ? error->param() : "(nothing was thrown)";
  }

  static CallRows scored(std::vector<float> values) {
    CallRows rows;
    rows.scores.rows = values.size();
    rows.scores.width = 1;
    rows.scores.values = std::move(values);
    rows.rows.tokens.assign(rows.scores.rows, 7);
    return rows;
  }

  TestRules made_up_;
  ModelInfo model_;
};

TEST_F(Rerank, Defaults) {
  const RerankRequest plain = read(R"("model":"any","query":"q","documents":["a","b"])");
  EXPECT_EQ(plain.call.query, "q");
  EXPECT_EQ(plain.call.documents, (Texts{"a", "b"}));
  EXPECT_EQ(plain.top, 0U);
  EXPECT_FALSE(plain.return_documents);
  EXPECT_EQ(plain.call.options.activation, ScoreActivation::kSigmoid);
  EXPECT_EQ(plain.call.options.truncation, Truncation::kRight);
  EXPECT_EQ(plain.call.options.max_document_tokens, 0U);
  const RerankRequest nulls = with(R"("top_n":null,"return_documents":null,"rank_fields":null)");
  EXPECT_EQ(nulls.top, 0U);
}

TEST_F(Rerank, TextsMayBeObjects) {
  const RerankRequest mixed =
      read(R"("query":{"text":"q"},"documents":["a",{"text":"b","id":1},{"text":""}])");
  EXPECT_EQ(mixed.call.query, "q");
  EXPECT_EQ(mixed.call.documents, (Texts{"a", "b", ""}));
  EXPECT_EQ(mixed.objects, (std::vector<bool>{false, true, true}));
  const RerankRequest fields =
      read(R"("query":"q","rank_fields":["title","body"],)"
           R"("documents":[{"title":"t","body":"b","x":1},{"body":"only"},"plain"])");
  EXPECT_EQ(fields.call.documents, (Texts{"t\nb", "only", "plain"}));
}

TEST_F(Rerank, Options) {
  EXPECT_EQ(with(R"("top_n":1)").top, 1U);
  EXPECT_EQ(with(R"("top_k":3.0)").top, 3U);
  EXPECT_EQ(with(R"("top_n":0)").top, 0U) << "vLLM's for all";
  EXPECT_EQ(with(R"("top_n":1,"top_k":1)").top, 1U);
  EXPECT_EQ(with(R"("top_n":1e18)").top, 4294967295U);
  EXPECT_EQ(with(R"("top_n":9223372036854775808)").top, 4294967295U) << "2^63";
  EXPECT_TRUE(with(R"("return_documents":true)").return_documents);
  EXPECT_TRUE(with(R"("return_documents":"true")").return_documents) << "RAGFlow's for Xinference";
  EXPECT_FALSE(with(R"("return_documents":"false")").return_documents);
  EXPECT_EQ(with(R"("max_tokens_per_doc":16)").call.options.max_document_tokens, 16U);
  EXPECT_EQ(with(R"("max_doc_length":9)").call.options.max_document_tokens, 9U);
  EXPECT_EQ(with(R"("instruction":"find")").call.options.instruction, "find");
  EXPECT_EQ(with(R"("instruct":"find","instruction":"find")").call.options.instruction, "find");
  EXPECT_EQ(with(R"("instruction":null)").call.options.instruction, "");
  EXPECT_EQ(with(R"("raw_scores":true)").call.options.activation, ScoreActivation::kNone);
  EXPECT_EQ(with(R"("use_activation":false)").call.options.activation, ScoreActivation::kNone);
  EXPECT_EQ(with(R"("use_activation":true,"raw_scores":false)").call.options.activation,
            ScoreActivation::kSigmoid);
  EXPECT_EQ(with(R"("truncate":false)").call.options.truncation, Truncation::kError);
  EXPECT_EQ(with(R"("truncate_prompt_tokens":-1)").call.options.truncation, Truncation::kRight);
  EXPECT_EQ(with(R"("max_chunks_per_doc":10,"priority":1,"user":"u")").call.size(), 2U);
}

TEST_F(Rerank, WhatIsWrongIsNamed) {
  EXPECT_EQ(refused(R"("documents":["a"])"), "query");
  EXPECT_EQ(refused(R"("query":"","documents":["a"])"), "query");
  EXPECT_EQ(refused(R"("query":["q"],"documents":["a"])"), "query");
  EXPECT_EQ(refused(R"("query":"q")"), "documents");
  EXPECT_EQ(refused(R"("query":"q","documents":[])"), "documents");
  EXPECT_EQ(refused(R"("query":"q","documents":"a")"), "documents");
  EXPECT_EQ(refused(R"("query":"q","documents":["a","a","a","a","a"])"), "documents");
  EXPECT_EQ(refused(R"("query":"q","documents":["a",1])"), "documents[1]");
  EXPECT_EQ(refused(R"("query":"q","documents":[{"image":"u"}])"), "documents[0]");
  EXPECT_EQ(refused(R"("query":"q","rank_fields":["x"],"documents":[{"text":"a"}])"),
            "documents[0]");
  for (const char* const member : {R"("top_n":-1)", R"("top_n":"3")", R"("top_n":1.5)"}) {
    EXPECT_EQ(refused_with(member), "top_n") << member;
  }
  EXPECT_EQ(refused_with(R"("top_n":1,"top_k":2)"), "top_k");
  EXPECT_EQ(refused_with(R"("max_tokens_per_doc":0)"), "max_tokens_per_doc");
  EXPECT_EQ(refused_with(R"("max_chunks_per_doc":0)"), "max_chunks_per_doc");
  EXPECT_EQ(refused_with(R"("return_documents":"yes")"), "return_documents");
  EXPECT_EQ(refused_with(R"("return_documents":1)"), "return_documents");
  EXPECT_EQ(refused_with(R"("raw_scores":true,"use_activation":true)"), "use_activation");
  EXPECT_EQ(refused_with(R"("truncate_prompt_tokens":5)"), "truncate_prompt_tokens");
  EXPECT_EQ(refused_with(R"("instruction":7)"), "instruction");
  EXPECT_EQ(refused_with(R"("instruction":"find","instruct":"judge")"), "instruct");
  EXPECT_EQ(refused_with(R"("instruct":")" + std::string(4097, 'a') + "\""), "instruct");
  EXPECT_EQ(refused_with(R"("rank_fields":[])"), "rank_fields");
}

TEST_F(Rerank, OfMembersOfOneNameTheLastCounts) {
  EXPECT_EQ(read(R"("query":"q","query":"r","documents":[],"documents":["a"])").call.query, "r");
}

TEST_F(Rerank, ScoresUnderAllNames) {
  for (const auto& [one, other] : {std::pair{"queries", "documents"},
                                   {"queries", "items"},
                                   {"data_1", "data_2"},
                                   {"text_1", "text_2"}}) {
    const std::string first = "\"" + std::string(one) + "\":";
    const std::string second = ",\"" + std::string(other) + "\":";
    const ScoreCall many = score(first + R"("q")" + second + R"(["a","b"])");
    EXPECT_EQ(many.query, "q");
    EXPECT_EQ(many.documents, (Texts{"a", "b"}));
    EXPECT_EQ(many.param, other);
    const ScoreCall pairs = score(first + R"(["q","r"])" + second + R"(["a","b"])");
    EXPECT_TRUE(pairs.documents.empty());
    ASSERT_EQ(pairs.pairs.size(), 2U);
    EXPECT_EQ(pairs.pairs[1].first, "r");
    EXPECT_EQ(pairs.pairs[1].second, "b");
  }
  EXPECT_EQ(score(R"("text_1":["q"],"text_2":"a")").documents, (Texts{"a"}));
  EXPECT_EQ(score(R"("text_1":"q","text_2":"a","use_activation":false)").options.activation,
            ScoreActivation::kNone);
}

TEST_F(Rerank, WrongScoresAreNamed) {
  EXPECT_EQ(score_refused(R"("text_1":"q")"), "queries");
  EXPECT_EQ(score_refused(R"("text_1":["a","b"],"text_2":["c"])"), "text_2");
  EXPECT_EQ(score_refused(R"("text_1":[],"text_2":["c"])"), "text_1");
  EXPECT_EQ(score_refused(R"("text_1":"q","text_2":[])"), "text_2");
  EXPECT_EQ(score_refused(R"("text_1":"q","text_2":[3])"), "text_2[0]");
  EXPECT_EQ(score_refused(R"("text_1":"q","text_2":"a","data_1":"q","data_2":"a")"), "text_2");
  EXPECT_EQ(score_refused(R"("text_1":["q",""],"text_2":["a","b"])"), "text_1[1]");
}

TEST_F(Rerank, AnswersHaveWhatEachClientReads) {
  const std::string answer =
      render_rerank({.api = RerankApi::kV2, .id = "id-1", .top = 2, .documents = {}, .objects = {}},
                    scored({0.25F, 0.5F, 0.5F}), model_);
  EXPECT_EQ(answer, R"({"id":"id-1","object":"list","model":"test-model","results":[)"
                    R"({"index":1,"relevance_score":0.5},{"index":2,"relevance_score":0.5}],)"
                    R"("usage":{"prompt_tokens":21,"total_tokens":21},)"
                    R"("meta":{"api_version":{"version":"2"},"billed_units":{"search_units":1}}})");
}

TEST_F(Rerank, ADocumentLooksAsItsReadersNeedIt) {
  RerankAnswer answer{
      .api = RerankApi::kV1, .id = "i", .documents = {"one", "two"}, .objects = {false, true}};
  const auto says = [&](std::string_view text) {
    return render_rerank(answer, scored({1, 0}), model_).find(text) != std::string::npos;
  };
  EXPECT_TRUE(says(R"("document":"one")")) << "as it came";
  EXPECT_TRUE(says(R"("document":{"text":"two"})"));
  answer.api = RerankApi::kPlain;
  EXPECT_TRUE(says(R"("document":{"text":"one"})")) << "LiteLLM's class for vLLM reads objects";
  answer.api = RerankApi::kInfinity;
  EXPECT_TRUE(says(R"("document":"one")"));
  EXPECT_TRUE(says(R"("document":"two")")) << "its client knows texts only";
}

TEST_F(Rerank, TheFormOfInfinity) {
  const std::string answer = render_rerank(
      {.api = RerankApi::kInfinity, .id = "i", .created = 7, .documents = {}, .objects = {}},
      scored({0.25F}), model_);
  EXPECT_EQ(answer.find(R"({"id":"i","object":"rerank","created":7,"model":"test-model",)"), 0U)
      << answer;
}

TEST_F(Rerank, WeaviateReadsScoresInTheOrderOfItsDocuments) {
  const JsonDocument request =
      JsonDocument::parse(R"({"query":"q","documents":["a"],"property":""})", "body");
  EXPECT_TRUE(is_weaviate_rerank(request.root()));
  const JsonDocument other =
      JsonDocument::parse(R"({"query":"q","documents":["a"],"model":"m"})", "body");
  EXPECT_FALSE(is_weaviate_rerank(other.root()));
  const RerankAnswer answer{.api = RerankApi::kPlain,
                            .id = "i",
                            .documents = {"one", "two"},
                            .objects = {false, false},
                            .query = "q"};
  const std::string text = render_rerank(answer, scored({0.25F, 0.5F}), model_);
  EXPECT_NE(text.find(R"("query":"q","scores":[{"document":"one","score":0.25},)"
                      R"({"document":"two","score":0.5}])"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find(R"("results":[{"index":1,"relevance_score":0.5})"), std::string::npos);
}

TEST_F(Rerank, TheMemoryOfAnAnswerIsTheMostThatItTakes) {
  RerankAnswer answer;
  answer.id = std::string(64, 'i');
  CallRows rows = scored({});
  for (std::uint32_t i = 0; i < 2000; ++i) {
    answer.documents.emplace_back(i % 7, '\x01');
    answer.objects.push_back(true);
    rows.scores.values.push_back(-1.2345678e-05F);
    rows.rows.tokens.push_back(4000000000U);
    rows.rows.truncated.push_back(i);
  }
  answer.created = 1790000000;
  for (const RerankApi api : {RerankApi::kPlain, RerankApi::kInfinity}) {
    for (const char* const query : {"", "a query"}) {
      answer.api = api;
      answer.query = query;
      const std::string text = render_rerank(answer, rows, model_);
      EXPECT_LE(text.size(), most_of_rerank(answer, 2000)) << query;
    }
  }
}

TEST_F(Rerank, ScoresStayInTheirOrder) {
  EXPECT_EQ(
      render_score("id-1", 1700000000, scored({0.25F, 0.5F}), model_),
      R"({"id":"id-1","object":"list","created":1700000000,"model":"test-model","data":[)"
      R"({"index":0,"object":"score","score":0.25},{"index":1,"object":"score","score":0.5}],)"
      R"("usage":{"prompt_tokens":14,"total_tokens":14}})");
}

// The routes of a server whose model has vectors.
class RerankRoutes : public testing::Test {
 protected:
  HttpResponse post(const std::string& path, const std::string& body) const {
    return call(router_, request_of("POST", path, body));
  }

  TestService test_;
  KeyStore keys_;
  Router router_{test_.service, keys_, rerank_routes(test_.service)};
};

TEST_F(RerankRoutes, AnEmbeddingModelSaysWhatItIs) {
  for (const char* const path : {"/v1/rerank", "/v2/rerank", "/score", "/v1/score"}) {
    const HttpResponse response = post(
        path, R"({"query":"q","documents":["a"],"text_1":"q","text_2":"a","model":"v3-tiny"})");
    EXPECT_EQ(response.status, 400) << path;
    EXPECT_NE(response.body.find("model is not a re-ranker model: v3-tiny is a text-embedding"),
              std::string::npos)
        << path << response.body;
  }
}

TEST_F(RerankRoutes, ErrorsHaveTheFormOfEachClient) {
  const HttpResponse response = post("/v1/rerank", "{");
  EXPECT_EQ(response.status, 400);
  const JsonDocument document = JsonDocument::parse(response.body, "answer");
  const JsonValue body = document.root();
  EXPECT_EQ(body.at("message").string(), body.at("detail").string());
  EXPECT_EQ(body.at("error").at("message").string(), body.at("detail").string());
  const JsonDocument second = JsonDocument::parse(post("/v2/rerank", "{").body, "answer");
  EXPECT_EQ(second.root().size(), 1U) << "Cohere's second has a message alone";
}

}  // namespace
}  // namespace nestvec
