// SPDX-License-Identifier: Apache-2.0
#include "dialects/ollama/ollama.h"

#include <gtest/gtest.h>

#include "support/test_rules.h"
#include "support/test_service.h"

namespace nestvec {
namespace {

class OllamaRequest : public testing::Test {
 protected:
  EmbedCall read(const std::string& json) const {
    const JsonDocument document = JsonDocument::parse(json, "body");
    return read_ollama_embed(document.root(), made_up_.rules());
  }
  std::string refused(const std::string& json) const {
    const auto error = request_error([&] { read(json); });
    return error ? error->param() : "(nothing was thrown)";
  }

  TestRules made_up_;
};

TEST_F(OllamaRequest, Embed) {
  const EmbedCall one = read(R"({"model":"m","input":"a","options":{"num_ctx":1},"keep_alive":5})");
  EXPECT_EQ(one.texts, std::vector<std::string>{"a"});
  EXPECT_EQ(one.options.truncation, Truncation::kRight);
  const EmbedCall list =
      read(R"({"input":["a","b"],"truncate":false,"dimensions":32,"task":"query"})");
  EXPECT_EQ(list.texts, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(list.options.truncation, Truncation::kError);
  EXPECT_EQ(list.options.dimensions, 32u);
  EXPECT_EQ(list.options.task, "retrieval.query");
  EXPECT_EQ(read(R"({"input":"a","dimensions":0})").options.dimensions, 0u);
  EXPECT_EQ(read(R"({"input":["a",""]})").texts, (std::vector<std::string>{"a", ""}));
  EXPECT_EQ(read(R"({"input":[""]})").texts, std::vector<std::string>{""});
}

TEST_F(OllamaRequest, TheMembersOfTheOtherRouteAreUnderstood) {
  EXPECT_EQ(read(R"({"model":"m","prompt":"a"})").texts, std::vector<std::string>{"a"});
  EXPECT_EQ(read(R"({"input":"a","prompt":"b"})").texts, std::vector<std::string>{"a"});
  EXPECT_TRUE(read(R"({"input":"","prompt":"b"})").texts.empty());
}

TEST_F(OllamaRequest, ATaskMayStandBehindTheName) {
  EXPECT_EQ(read(R"({"model":"test-model:query","input":"a"})").options.task, "retrieval.query");
  EXPECT_EQ(read(R"({"model":"test-model:latest","input":"a"})").options.task, "");
  EXPECT_EQ(read(R"({"model":"test-model:query","task":"passage","input":"a"})").options.task,
            "retrieval.passage");
  EXPECT_EQ(refused(R"({"model":"test-model:qurey","input":"a"})"), "model");
}

TEST_F(OllamaRequest, NoInputLoadsTheModel) {
  for (const char* body : {"{}", R"({"input":""})", R"({"input":[]})", R"({"input":null})"}) {
    EXPECT_TRUE(read(body).texts.empty()) << body;
  }
}

TEST_F(OllamaRequest, WrongValuesNameTheirMember) {
  EXPECT_EQ(refused(R"({"model":1,"input":"a"})"), "model");
  EXPECT_EQ(refused(R"({"input":1})"), "input");
  EXPECT_EQ(refused(R"({"input":["a",1]})"), "input[1]");
  EXPECT_EQ(refused(R"({"prompt":["a"]})"), "prompt");
  EXPECT_EQ(refused(R"({"input":"a","truncate":1})"), "truncate");
  EXPECT_EQ(refused(R"({"input":"a","dimensions":65})"), "dimensions");
  EXPECT_EQ(refused(R"({"input":"a","dimensions":"64"})"), "dimensions");
}

TEST_F(OllamaRequest, TheOlderForm) {
  const auto texts = [&](const std::string& json) {
    const JsonDocument document = JsonDocument::parse(json, "body");
    return read_ollama_embeddings(document.root(), made_up_.rules()).texts;
  };
  EXPECT_EQ(texts(R"({"model":"m","prompt":"a"})"), std::vector<std::string>{"a"});
  EXPECT_EQ(texts(R"({"model":"m","input":"a"})"), std::vector<std::string>{"a"});
  EXPECT_EQ(texts(R"({"model":"m","input":"a","prompt":"b"})"), std::vector<std::string>{"b"});
  EXPECT_TRUE(texts(R"({"model":"m","prompt":""})").empty());
  EXPECT_TRUE(texts(R"({"model":"m"})").empty());
}

TEST(OllamaModel, IsDescribed) {
  const TestRules made_up;
  const ModelInfo& model = made_up.model();
  const OllamaModel names = describe_ollama_model(model);
  EXPECT_EQ(names.name, "test-model:latest");
  EXPECT_EQ(names.modified_at, "1970-01-01T00:00:00Z");  // no folder
  EXPECT_EQ(names.digest.size(), 64u);
  EXPECT_EQ(names.digest.find_first_not_of("0123456789abcdef"), std::string::npos);

  const auto list = [&](auto append) {
    std::string text;
    JsonArray models(text);
    append(names, model, models);
    models.end();
    return text;
  };
  const JsonDocument tags = JsonDocument::parse(list(append_ollama_tags), "tags");
  EXPECT_EQ(tags.root().size(), 6u) << "one for each task, too";
  EXPECT_EQ(tags.root().elements().at(1).at("name").string(), "test-model:retrieval.query");
  const JsonValue entry = tags.root().elements().at(0);
  EXPECT_EQ(entry.at("model").string(), "test-model:latest");
  EXPECT_EQ(entry.at("size").integer(), 1000);
  EXPECT_EQ(entry.at("details").at("quantization_level").string(), "BF16");
  EXPECT_EQ(entry.at("details").at("families").elements().at(0).string(), "jina-embeddings-v3");

  const JsonDocument show = JsonDocument::parse(render_ollama_show(names, model), "show");
  const JsonValue info = show.root().at("model_info");
  EXPECT_EQ(info.at("jina-embeddings-v3.embedding_length").integer(), 64);
  EXPECT_EQ(info.at("jina-embeddings-v3.context_length").integer(), 128);
  EXPECT_EQ(show.root().at("capabilities").elements().at(0).string(), "embedding");

  const JsonDocument ps = JsonDocument::parse(list(append_ollama_ps), "ps");
  EXPECT_EQ(ps.root().size(), 1u);
}

TEST(OllamaRoutes, Answer) {
  TestService test;
  const KeyStore keys;
  const Router router(test.service, keys, ollama_routes(test.service));
  const auto post = [&](const std::string& path, const std::string& body) {
    return call(router, request_of("POST", path, body));
  };
  const HttpResponse two = post("/api/embed", R"({"model":"m","input":["a","b"]})");
  ASSERT_EQ(two.status, 200) << two.body;
  const JsonDocument document = JsonDocument::parse(two.body, "answer");
  EXPECT_EQ(document.root().at("model").string(), "v3-tiny") << "not what was asked for";
  EXPECT_EQ(document.root().at("embeddings").size(), 2u);
  EXPECT_GT(document.root().at("prompt_eval_count").integer(), 4);
  EXPECT_GT(document.root().at("total_duration").integer(), 0);
  const JsonValue row = document.root().at("embeddings").elements().at(1);
  EXPECT_EQ(static_cast<float>(row.elements().at(5).number()), test_model().predict("b")[5]);

  const HttpResponse old = post("/api/embeddings", R"({"model":"m","prompt":"b"})");
  const JsonDocument one = JsonDocument::parse(old.body, "answer");
  EXPECT_EQ(static_cast<float>(one.root().at("embedding").elements().at(5).number()),
            test_model().predict("b")[5]);

  EXPECT_EQ(post("/api/embeddings", R"({"model":"m"})").body, R"({"embedding":[]})");
  for (const char* path : {"/api/embed", "/api/embeddings"}) {
    HttpRequest hurried = request_of("POST", path, "{}", {{"x-nestvec-priority", "high"}});
    EXPECT_EQ(call(router, std::move(hurried)).status, 400) << path;
  }
  EXPECT_NE(post("/api/embed", R"({"model":"m"})").body.find(R"("embeddings":[])"),
            std::string::npos);
  EXPECT_EQ(call(router, request_of("GET", "/api/version")).body,
            R"({"version":"0.12.6","nestvec":"0.0.0"})");
  EXPECT_EQ(call(router, request_of("GET", "/api/tags")).status, 200);
  EXPECT_EQ(call(router, request_of("GET", "/api/ps")).status, 200);
  EXPECT_EQ(post("/api/show", R"({"model":"m"})").status, 200);
  const HttpResponse pulled = post("/api/pull", R"({"model":"v3-tiny:latest"})");
  EXPECT_EQ(pulled.body, "{\"status\":\"success\"}\n");
  EXPECT_EQ(pulled.content_type, "application/x-ndjson");
  EXPECT_EQ(post("/api/pull", R"({"name":"v3-tiny","stream":false})").body,
            R"({"status":"success"})");
  EXPECT_EQ(post("/api/pull", R"({"model":"llama3"})").status, 404);
  EXPECT_EQ(post("/api/pull", "{}").status, 400);
  const HttpResponse bad = post("/api/embed", R"({"input":1})");
  EXPECT_EQ(bad.status, 400);
  EXPECT_EQ(bad.body.find("{\"error\":\""), 0u) << bad.body;
}

TEST(OllamaRoutes, OtherModelsAreRefusedWhereNamesCount) {
  TestService test;
  test.options.strict_model = true;
  const KeyStore keys;
  const Router router(test.service, keys, ollama_routes(test.service));
  const auto status = [&](const std::string& path, const std::string& name) {
    const std::string body = R"({"model":")" + name + R"(","input":"a","prompt":"a"})";
    return call(router, request_of("POST", path, body)).status;
  };
  for (const char* path : {"/api/embed", "/api/embeddings", "/api/show"}) {
    EXPECT_EQ(status(path, "nomic-embed-text"), 404) << path;
    EXPECT_EQ(status(path, "v3-tiny:latest"), 200) << path;
  }
}

}  // namespace
}  // namespace nestvec
