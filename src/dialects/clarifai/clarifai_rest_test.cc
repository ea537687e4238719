// SPDX-License-Identifier: Apache-2.0
// Clarifai's REST API through the router, with a small model.
#include "dialects/clarifai/clarifai_rest.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <iterator>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/json.h"
#include "dialects/dialects.h"
#include "service/page.h"
#include "support/folders.h"
#include "support/test_service.h"

namespace nestvec {
namespace {

const std::string kModel = "/v2/users/u/apps/a/models/v3-tiny";
const std::string kTexts = R"({"inputs":[{"id":"1","data":{"text":{"raw":"Hello, world!"}}},)"
                           R"({"data":{"text":{"raw":"Gr\u00fcn"}}}]})";

std::string call_of_predict(const std::string& arguments) {
  return R"({"inputs":[{"data":{"metadata":{"_method_name":"predict"},"parts":[)" + arguments +
         "]}}]}";
}

class ClarifaiRestTest : public testing::Test {
 protected:
  ClarifaiRestTest() { clarifai_.open(test_.service); }

  HttpResponse ask(const std::string& method, const std::string& path, const std::string& body = "",
                   Headers headers = {}) const {
    return call(router_, request_of(method, path, body, std::move(headers)));
  }

  // Status and code of an answer, "401 11102".
  static std::string codes(const HttpResponse& response) {
    const JsonDocument document = JsonDocument::parse(response.body, "answer");
    return std::to_string(response.status) + " " +
           std::to_string(document.root().at("status").at("code").integer());
  }
  std::string post_codes(const std::string& path, const std::string& body) const {
    return codes(ask("POST", path, body));
  }

  TestService test_;
  KeyStore keys_;
  ModelIdentity identity_{.id = "v3-tiny", .user_id = "u", .app_id = "a"};
  Clarifai clarifai_{identity_};
  ClarifaiRest rest_{clarifai_};
  std::vector<Route> routes_ = [this] {
    std::vector<Route> all = rest_.routes();
    std::ranges::move(all_routes(test_.service), std::back_inserter(all));
    return all;
  }();
  Router router_{test_.service, keys_, routes_};
};

std::vector<float> floats(const JsonValue& list) {
  std::vector<float> values;
  for (const JsonValue& value : list.elements()) {
    values.push_back(static_cast<float>(value.number()));
  }
  return values;
}

TEST_F(ClarifaiRestTest, TextsBecomeTheVectorsOfTheModel) {
  for (const std::string& path :
       {kModel + "/outputs", kModel + "/versions/1/outputs", kModel + "/outputs/generate",
        kModel + "/versions/1/outputs/generate", std::string("/v2/models/v3-tiny/outputs"),
        std::string("/v2/users/u/deployments/d/outputs")}) {
    const HttpResponse response = ask("POST", path, kTexts);
    ASSERT_EQ(codes(response), "200 10000") << path << response.body;
    const JsonDocument document = JsonDocument::parse(response.body, "answer");
    const auto outputs = document.root().at("outputs").elements();
    ASSERT_EQ(outputs.size(), 2U);
    const JsonValue& first = outputs[0];
    EXPECT_EQ(first.at("id").string(), "1");
    EXPECT_EQ(first.at("status").at("code").integer(), 10000);
    EXPECT_EQ(first.at("input").at("data").at("text").at("raw").string(), "Hello, world!");
    EXPECT_EQ(first.at("model").at("id").string(), "v3-tiny");
    EXPECT_EQ(first.at("model").at("model_version").at("id").string(), "1");
    const JsonValue embedding = outputs[1].at("data").at("embeddings").elements()[0];
    EXPECT_EQ(floats(embedding.at("vector")), test_model().predict("Gr\u00fcn"));
    EXPECT_EQ(static_cast<std::size_t>(embedding.at("num_dimensions").integer()),
              test_model().info().dimensions);
    EXPECT_EQ(document.root().at("status").at("req_id").string(), "request-1");
    EXPECT_NE(header_of(response, "x-nestvec-tokens"), "");
  }
}

TEST_F(ClarifaiRestTest, ParametersAreThoseOfTheModelsVersion) {
  std::string body = kTexts;
  body.pop_back();
  body += R"(,"model":{"model_version":{"output_info":{"params":)"
          R"({"task":"retrieval.query","dimensions":8,"temperature":1}}}}})";
  const HttpResponse response = ask("POST", kModel + "/outputs", body);
  const JsonDocument document = JsonDocument::parse(response.body, "answer");
  const JsonValue output = document.root().at("outputs").elements()[0];
  EXPECT_EQ(floats(output.at("data").at("embeddings").elements()[0].at("vector")),
            test_model().predict("Hello, world!", {.task = "retrieval.query", .dimensions = 8}));
}

TEST_F(ClarifaiRestTest, WhatWouldChangeTheVectorIsDoneOrRefused) {
  const auto with = [this](const std::string& params) {
    return post_codes(kModel + "/outputs",
                      R"({"inputs":[{"data":{"text":{"raw":"a"}}}],)"
                      R"("model":{"model_version":{"output_info":{"params":{)" +
                          params + "}}}}}");
  };
  EXPECT_EQ(with(R"("task":"retrieval.query","max_concepts":3)"), "200 10000");
  for (const char* params : {R"("normalize":false)", R"("truncate":false)",
                             R"("prompt_name":"query")", R"("embedding_type":"binary")"}) {
    EXPECT_EQ(with(params), "400 21202") << params;
  }
}

// Requests cannot say what they want.
TEST_F(ClarifaiRestTest, TextsThatAreTooLongMayBeRefused) {
  std::string text;
  for (std::size_t i = 0; i < kTestTokens; ++i) text += "a b ";
  const std::string quoted = "\"" + text + "\"";
  const std::string bodies[] = {
      R"({"inputs":[{"data":{"text":{"raw":)" + quoted + "}}}]}",
      call_of_predict(R"({"id":"input","data":{"string_value":)" + quoted + "}}"),
      call_of_predict(R"({"id":"texts","data":{"parts":[{"data":{"string_value":)" + quoted +
                      "}}]}}"),
      call_of_predict(R"({"id":"input","data":{"string_value":"a"}})"),
  };
  const std::string path = kModel + "/outputs";
  for (const std::string& body : bodies) EXPECT_EQ(post_codes(path, body), "200 10000") << body;
  test_.options.overlong = "refuse";
  for (const std::string& body : bodies) {
    const bool is_short = &body == std::end(bodies) - 1;
    EXPECT_EQ(post_codes(path, body), is_short ? "200 10000" : "400 21202") << body;
  }
}

TEST_F(ClarifaiRestTest, HeadersAreCheckedBeThereNoInput) {
  const std::string path = kModel + "/outputs";
  EXPECT_EQ(codes(ask("POST", path, "{}", {{"x-nestvec-priority", "bulk"}})), "200 10000");
  EXPECT_EQ(codes(ask("POST", path, "{}", {{"x-nestvec-priority", "high"}})), "400 21202");
  EXPECT_EQ(codes(ask("POST", path, kTexts, {{"x-nestvec-priority", "high"}})), "400 21202");
}

TEST_F(ClarifaiRestTest, MethodsAreCalledByTheirName) {
  const HttpResponse response =
      ask("POST", kModel + "/outputs",
          call_of_predict(R"({"id":"input","data":{"string_value":"Hello, world!"}})"));
  ASSERT_EQ(codes(response), "200 10000");
  const JsonDocument document = JsonDocument::parse(response.body, "answer");
  const JsonValue part =
      document.root().at("outputs").elements()[0].at("data").at("parts").elements()[0];
  EXPECT_EQ(part.at("id").string(), "return");
  const std::vector<float> expected = test_model().predict("Hello, world!");
  EXPECT_EQ(floats(part.at("data").at("struct_value").at("_list")), expected);
  const JsonDocument text =
      JsonDocument::parse(part.at("data").at("string_value").string(), "string_value");
  EXPECT_EQ(floats(text.root()), expected);
}

TEST_F(ClarifaiRestTest, OpenAiIsAMethodAndARoute) {
  const HttpResponse response = ask(
      "POST", kModel + "/outputs",
      R"({"inputs":[{"data":{"metadata":{"_method_name":"openai_transport"},"parts":[{"id":"msg",)"
      R"("data":{"string_value":"{\"openai_endpoint\":\"/embeddings\",\"input\":[\"a\"]}"}}]}}]})");
  ASSERT_EQ(codes(response), "200 10000") << response.body;
  const JsonDocument document = JsonDocument::parse(response.body, "answer");
  const JsonValue part =
      document.root().at("outputs").elements()[0].at("data").at("parts").elements()[0];
  const HttpResponse route =
      ask("POST", "/v2/ext/openai/v1/embeddings",
          R"({"model":"https://clarifai.com/u/a/models/v3-tiny","input":["a"]})");
  EXPECT_EQ(route.status, 200);
  EXPECT_EQ(part.at("data").at("string_value").string(), route.body);
  EXPECT_EQ(ask("POST", "/v1/embeddings", R"({"input":["a"]})").body, route.body);
}

TEST_F(ClarifaiRestTest, DescriptionsOfTheModel) {
  for (const char* prefix : {"/v2/users/u/apps/a", "/v2"}) {
    const std::string base = std::string(prefix) + "/models";
    const auto body_of = [&](const std::string& path) {
      const HttpResponse response = ask("GET", base + path);
      EXPECT_EQ(codes(response), "200 10000") << base << path;
      return JsonDocument::parse(response.body, "answer");
    };
    const JsonDocument model = body_of("/v3-tiny");
    EXPECT_EQ(model.root().at("model").at("model_type_id").string(), "text-embedder");
    const JsonDocument models = body_of("");
    EXPECT_EQ(models.root().at("models").size(), 1U);
    const JsonDocument versions = body_of("/v3-tiny/versions");
    EXPECT_EQ(versions.root().at("model_versions").size(), 1U);
    const JsonDocument version = body_of("/v3-tiny/versions/1");
    EXPECT_EQ(version.root().at("model_version").at("method_signatures").size(), 2U);
    const JsonDocument type = body_of("/types/text-embedder");
    EXPECT_EQ(type.root().at("model_type").at("input_fields").elements()[0].string(), "text");
  }
  HttpRequest second = request_of("GET", "/v2/models");
  second.query = "per_page=10&page=2";
  const HttpResponse empty = call(router_, second);
  EXPECT_EQ(codes(empty), "200 10000");
  EXPECT_EQ(empty.body.find("\"models\""), std::string::npos);
  for (const char* path :
       {"/v2/users/me", "/v2/users/u/deployments/d", "/v2/status_codes", "/v2/auth/methods"}) {
    EXPECT_EQ(codes(ask("GET", path)), "200 10000") << path;
  }
}

TEST_F(ClarifaiRestTest, FaultsHaveClarifaisCodes) {
  EXPECT_EQ(post_codes("/v2/users/u/apps/a/models/other/outputs", kTexts), "404 21200");
  EXPECT_EQ(post_codes("/v2/users/somebody/apps/a/models/v3-tiny/outputs", kTexts), "404 21200");
  EXPECT_EQ(post_codes(kModel + "/versions/2/outputs", kTexts), "404 21200");
  EXPECT_EQ(codes(ask("GET", "/v2/models/other")), "404 21200");
  EXPECT_EQ(codes(ask("GET", kModel + "/nonsense")), "404 11101");
  EXPECT_EQ(codes(ask("GET", "/v2/users/u/nonsense/x/y")), "404 11101");
  EXPECT_EQ(codes(ask("GET", kModel + "/outputs/generate")), "405 11103");
  EXPECT_EQ(post_codes(kModel + "/outputs", "{"), "400 11102");
  EXPECT_EQ(post_codes(kModel + "/outputs", "[]"), "400 11102");
  EXPECT_EQ(post_codes(kModel + "/outputs", R"({"inputs":[{"data":{"text":{"raw":5}}}]})"),
            "400 11102");
  EXPECT_EQ(
      post_codes(kModel + "/outputs", R"({"inputs":[{"data":{"text":{"url":"https://x"}}}]})"),
      "400 30101");
  EXPECT_EQ(post_codes(kModel + "/outputs", call_of_predict(R"({"id":"wrong"})")), "400 21202");
  EXPECT_EQ(codes(ask("POST", kModel + "/outputs", "a=b",
                      {{"content-type", "application/x-www-form-urlencoded"}})),
            "415 11102");
  EXPECT_EQ(post_codes(kModel + "/outputs", "{}"), "200 10000");
}

TEST_F(ClarifaiRestTest, AFailedPredictionHasAnOutputThatSaysWhy) {
  const HttpResponse response =
      ask("POST", kModel + "/outputs",
          call_of_predict(R"({"id":"input","data":{"string_value":"a"}},)"
                          R"({"id":"task","data":{"string_value":"nonsense"}})"));
  EXPECT_EQ(codes(response), "400 21202");
  const JsonDocument document = JsonDocument::parse(response.body, "answer");
  const JsonValue output = document.root().at("outputs").elements()[0];
  EXPECT_EQ(output.at("status").at("code").integer(), 21202);
  EXPECT_NE(output.at("status").at("details").string().find("retrieval.query"),
            std::string_view::npos);
  EXPECT_EQ(document.root().at("status").at("req_id").string(), "request-1");
}

TEST_F(ClarifaiRestTest, DeepNestingIsRefused) {
  std::string deep = R"({"inputs":[{"data":{"metadata":)";
  for (int i = 0; i < 900; ++i) deep += R"({"a":)";
  deep += "1" + std::string(900, '}') + "}}]}";
  EXPECT_EQ(post_codes(kModel + "/outputs", deep), "400 11102");
}

TEST_F(ClarifaiRestTest, IllFormedTextIsRepaired) {
  const HttpResponse response =
      ask("POST", kModel + "/outputs", R"({"inputs":[{"data":{"text":{"raw":"a\ud800b"}}}]})");
  ASSERT_EQ(codes(response), "200 10000");
  const JsonDocument document = JsonDocument::parse(response.body, "answer");
  const JsonValue output = document.root().at("outputs").elements()[0];
  EXPECT_EQ(output.at("input").at("data").at("text").at("raw").string(),
            "a\xEF\xBF\xBD"
            "b");
}

TEST_F(ClarifaiRestTest, KeysAreThoseOfAllRoutes) {
  keys_.load("secret", "");
  EXPECT_EQ(codes(ask("GET", kModel)), "401 11102");
  EXPECT_EQ(codes(ask("GET", kModel, "", {{"authorization", "secret"}})), "401 11102");
  EXPECT_EQ(codes(ask("GET", kModel, "", {{"authorization", "Key wrong"}})), "401 11009");
  EXPECT_EQ(codes(ask("GET", kModel, "", {{"authorization", "Key secret"}})), "200 10000");
  const HttpResponse refused = ask("POST", kModel + "/outputs", kTexts);
  EXPECT_EQ(codes(refused), "401 11102");
  EXPECT_NE(refused.body.find("\"outputs\""), std::string::npos);
  EXPECT_EQ(codes(ask("GET", "/v2/auth/methods")), "200 10000");
}

TEST_F(ClarifaiRestTest, WhileTheModelIsLoaded) {
  const Clarifai loading(identity_);
  const ClarifaiRest rest(loading);
  const auto ask_loading = [&](const std::string& method, const std::string& path,
                               const Headers& headers = {}) {
    const auto response =
        rest.answer_while_loading(request_of(method, path, kTexts, headers), keys_);
    return response ? codes(*response) : "";
  };
  EXPECT_EQ(ask_loading("GET", kModel), "200 10000");
  EXPECT_EQ(ask_loading("GET", kModel + "/versions/1"), "200 10000");
  EXPECT_EQ(ask_loading("GET", "/v2/models/other"), "404 21200");
  EXPECT_EQ(ask_loading("POST", kModel + "/outputs"), "503 21355");
  EXPECT_EQ(ask_loading("POST", "/v1/embeddings"), "");
  EXPECT_EQ(ask_loading("GET", "/health"), "");
  const auto refused = rest.answer_while_loading(request_of("POST", kModel + "/outputs"), keys_);
  EXPECT_NE(refused->body.find("\"outputs\""), std::string::npos);
  EXPECT_EQ(header_of(*refused, "Retry-After"), "2");
  keys_.load("secret", "");
  EXPECT_EQ(ask_loading("POST", kModel + "/outputs"), "401 11102");
  EXPECT_EQ(ask_loading("POST", kModel + "/outputs", {{"authorization", "Key no"}}), "401 11009");
}

// "/v1/models/{model}" as a route writes it.
std::string pattern_of(std::string_view path) {
  return std::regex_replace(std::string(path), std::regex("\\{[a-z]+\\}"), "{}");
}

TEST_F(ClarifaiRestTest, OpenAisClientsNameTheModelByItsUrl) {
  const auto status = [&](const std::string& model) {
    return ask("POST", "/v2/ext/openai/v1/embeddings",
               R"({"model":")" + model + R"(","input":"a"})")
        .status;
  };
  EXPECT_EQ(status("https://clarifai.com/u/a/models/v3-tiny"), 200);
  EXPECT_EQ(status("http://localhost:8080/u/a/models/v3-tiny/versions/1"), 200);
  EXPECT_EQ(status("u/a/models/v3-tiny"), 200);
  EXPECT_EQ(status("v3-tiny"), 200);
  for (const char* wrong :
       {"https://clarifai.com/u/a/models/other", "https://clarifai.com/v/a/models/v3-tiny",
        "https://clarifai.com/u/b/models/v3-tiny",
        "https://clarifai.com/u/a/models/v3-tiny/versions/2", "other", "https://clarifai.com/",
        "https://clarifai.com/u/a/models/v3-tiny/x/1/y"}) {
    EXPECT_EQ(status(wrong), 404) << wrong;
  }
  EXPECT_EQ(ask("POST", "/v2/ext/openai/v1/embeddings", R"({"input":"a"})").status, 200);
  EXPECT_EQ(ask("POST", "/v2/ext/openai/v1/embeddings", R"({"input":"a","model":7})").status, 400);
}

TEST_F(ClarifaiRestTest, TheDescriptionHasEveryRouteOfTheServerAndNoOther) {
  std::set<std::string> routes;
  std::map<std::string, bool> open;
  for (const Route& route : routes_) {
    const bool asset = std::regex_search(std::string(route.path), std::regex("\\.(js|css|svg)$"));
    const std::string name = std::string(route.method) + " " + pattern_of(route.path);
    if (!asset) routes.insert(name);
    open[name] = route.open;
  }
  test_.options.api_keys = "a";
  std::set<std::string> described;
  const JsonDocument document = JsonDocument::parse(
      openapi_document(test_model().info(), test_.options, "1"), "openapi.json");
  for (const auto& [path, item] : document.root().at("paths").members()) {
    for (const auto& [method, operation] : item.members()) {
      std::string name(method);
      for (char& c : name) c = static_cast<char>(std::toupper(c));
      name += " " + pattern_of(path);
      described.insert(name);
      EXPECT_EQ(operation.find("security").has_value(), open[name]) << name;
    }
  }
  EXPECT_EQ(described, routes);
}

// Clarifai's are in the same text as patterns.
TEST_F(ClarifaiRestTest, TheDocumentationNamesEveryRoute) {
  const std::string text = read_file(test_data() + "/../../docs/api.md", 1U << 20);
  const JsonDocument document = JsonDocument::parse(
      openapi_document(test_model().info(), test_.options, "1"), "openapi.json");
  std::size_t count = 0;
  for (const auto& [path, item] : document.root().at("paths").members()) {
    if (std::regex_search(std::string(path), std::regex("^/v2/(users|models|status|auth)")))
      continue;
    ++count;
    const bool named = text.find("`" + std::string(path) + "`") != std::string::npos ||
                       text.find(" " + std::string(path) + "`") != std::string::npos;
    EXPECT_TRUE(named) << "docs/api.md does not name " << path;
  }
  EXPECT_GT(count, 40U);
}

}  // namespace
}  // namespace nestvec
