// SPDX-License-Identifier: Apache-2.0
#include "service/http_call.h"

#include <gtest/gtest.h>

#include "dialects/openai/openai.h"
#include "support/request_test.h"
#include "support/test_service.h"

namespace nestvec {
namespace {

class EmbedCallTest : public testing::Test {
 protected:
  HttpResponse post(const std::string& body, Headers headers = {}) {
    const Router router(test_.service, keys_, openai_routes(test_.service));
    return call(router, request_of("POST", "/v1/embeddings", body, std::move(headers)));
  }

  Exchange exchange(Headers headers, std::string client = "") {
    HttpRequest request = request_of("POST", "/", "", std::move(headers));
    request.connection = 7;
    request.received = std::chrono::steady_clock::now();
    Exchange exchange{.service = test_.service,
                      .request = std::make_shared<const HttpRequest>(std::move(request)),
                      .respond = nullptr};
    exchange.client = std::move(client);
    return exchange;
  }

  static std::vector<float> floats(const JsonValue& entry) {
    std::vector<float> values;
    for (const JsonValue& value : entry.at("embedding").elements()) {
      values.push_back(static_cast<float>(value.number()));
    }
    return values;
  }

  KeyStore keys_;
  TestService test_;
};

TEST_F(EmbedCallTest, AnswersWithTheModelsRows) {
  const HttpResponse response =
      post(R"({"input": ["one", {"text": "two", "task": "query"}], "dimensions": 32})");
  ASSERT_EQ(response.status, 200) << response.body;
  const JsonDocument document = JsonDocument::parse(response.body, "answer");
  const std::vector<JsonValue> data = document.root().at("data").elements();
  EmbedOptions options;
  options.dimensions = 32;
  EXPECT_EQ(floats(data.at(0)), test_model().predict("one", options));
  options.task = "retrieval.query";
  EXPECT_EQ(floats(data.at(1)), test_model().predict("two", options));
  for (const char* name : {"x-nestvec-tokens", "x-nestvec-tokenize-ms", "x-nestvec-queue-ms",
                           "x-nestvec-compute-ms", "x-nestvec-total-ms"}) {
    EXPECT_NE(header_of(response, name), "") << name;
  }
  EXPECT_EQ(header_of(response, "x-nestvec-tokens"),
            std::to_string(document.root().at("usage").at("total_tokens").integer()));
  EXPECT_EQ(header_of(response, "x-truncated-inputs"), "");
}

// aiohttp and nginx refuse a header of 8 KiB.
TEST(CallHeaders, NameTheFirstOfManyTextsThatWereCut) {
  Embeddings rows;
  for (std::uint32_t i = 0; i < 100'000; ++i) rows.truncated.push_back(1'000'000 + i);
  HttpResponse response;
  add_call_headers(request_of("POST", "/"), rows, response);
  const std::string indices = header_of(response, "x-truncated-inputs");
  EXPECT_TRUE(indices.starts_with("1000000,1000001,"));
  EXPECT_TRUE(indices.ends_with(",1000099"));
  EXPECT_EQ(header_of(response, "x-truncated-count"), "100000");
}

TEST_F(EmbedCallTest, ReportsWhatItCut) {
  std::string long_text;
  for (std::size_t i = 0; i < kTestTokens; ++i) long_text += "a b ";
  const std::string inputs = R"({"input": ["x", ")" + long_text + R"("])";
  HttpResponse response = post(inputs + "}");
  ASSERT_EQ(response.status, 200) << response.body.substr(0, 300);
  EXPECT_EQ(header_of(response, "x-truncated-inputs"), "1");
  EXPECT_EQ(header_of(response, "x-truncated-count"), "1");
  EXPECT_NE(response.body.find(R"("truncated":[1])"), std::string::npos);

  response = post(inputs + R"(, "truncate": false})");
  EXPECT_EQ(response.status, 400);
  const JsonDocument document = JsonDocument::parse(response.body, "answer");
  EXPECT_EQ(document.root().at("error").at("param").string(), "input[1]");
  EXPECT_NE(std::string(document.root().at("detail").string()).find(std::to_string(kTestTokens)),
            std::string::npos);
}

// Three texts, of which the second is too long.
std::string overlong_body(const std::string& more = "") {
  std::string text;
  for (std::size_t i = 0; i < kTestTokens; ++i) text += "a b ";
  return R"({"input": ["x", ")" + text + R"(", "y"])" + more + "}";
}

TEST_F(EmbedCallTest, ATextThatIsTooLongHasTheStatusThatIsConfigured) {
  for (const auto& [configured, status] :
       {std::pair{"dialect", 400}, {"400", 400}, {"413", 413}, {"422", 422}}) {
    test_.options.overlong_status = configured;
    const HttpResponse response = post(overlong_body(R"(, "truncate": false)"));
    EXPECT_EQ(response.status, status) << response.body;
    const JsonDocument document = JsonDocument::parse(response.body, "answer");
    const JsonValue error = document.root().at("error");
    EXPECT_EQ(error.at("param").string(), "input[1]");
    EXPECT_EQ(error.at("code").string(), "context_length_exceeded");
    EXPECT_NE(error.at("message").string().find("Please reduce your prompt; or completion length."),
              std::string::npos)
        << "Elasticsearch looks for it";
  }
  test_.options.overlong_status = "413";
  EXPECT_EQ(post(R"({"input": [""]})").status, 400) << "not for other faults";
}

TEST_F(EmbedCallTest, TextsThatAreTooLongMayBeRefusedUnlessARequestSaysOtherwise) {
  EXPECT_EQ(post(overlong_body()).status, 200);
  test_.options.overlong = "refuse";
  EXPECT_EQ(post(overlong_body()).status, 400);
  EXPECT_EQ(post(overlong_body(R"(, "truncate": null)")).status, 400);
  for (const char* asked : {R"("truncate": true)", R"("truncate": "START")",
                            R"("truncation": true)", R"("truncate_prompt_tokens": -1)"}) {
    EXPECT_EQ(post(overlong_body(std::string(", ") + asked)).status, 200) << asked;
  }
}

TEST_F(EmbedCallTest, TheModelHasANameForEachTask) {
  const Router router(test_.service, keys_, openai_routes(test_.service));
  const auto get = [&](const std::string& path) {
    return call(router, request_of("GET", path, ""));
  };
  const JsonDocument list = JsonDocument::parse(get("/v1/models").body, "models");
  const std::vector<JsonValue> data = list.root().at("data").elements();
  ASSERT_EQ(data.size(), 1 + test_model().info().tasks.size());
  EXPECT_EQ(data.front().at("id").string(), "v3-tiny");
  for (std::size_t i = 1; i < data.size(); ++i) {
    const std::string name(data[i].at("id").string());
    const std::string& task = test_model().info().tasks[i - 1].name;
    EXPECT_EQ(name, "v3-tiny:" + task);
    EXPECT_EQ(data[i].at("default_task").string(), task);
    EXPECT_EQ(get("/v1/models/" + name).status, 200) << name;
    const std::string both = post(R"({"input": "a", "model": ")" + name + R"("})").body;
    EXPECT_EQ(both, post(R"({"input": "a", "task": ")" + task + R"("})").body) << name;
  }
  EXPECT_EQ(get("/v1/models/other").status, 404);
  EXPECT_EQ(post(R"({"input": "a", "model": "v3-tiny:retrieval.qurey"})").status, 422);
  for (const char* path : {"/models", "/v3/models", "/openai/v1/models"}) {
    EXPECT_EQ(get(path).body, get("/v1/models").body) << path;
  }
}

TEST_F(EmbedCallTest, OtherAddressesGiveTheSame) {
  const std::string expected = post(R"({"input": "a"})").body;
  const std::string query = post(R"({"input": "a", "task": "query"})").body;
  const Router router(test_.service, keys_, openai_routes(test_.service));
  const auto at = [&](const std::string& path) {
    return call(router, request_of("POST", path, R"({"input": "a"})"));
  };
  for (const char* path :
       {"/v3/embeddings", "/openai/v1/embeddings", "/openai/deployments/v3-tiny/embeddings",
        "/openai/deployments/text-embedding-3-small/embeddings"}) {
    EXPECT_EQ(at(path).body, expected) << path;
  }
  EXPECT_EQ(at("/openai/deployments/v3-tiny:query/embeddings").body, query);
  EXPECT_EQ(at("/openai/deployments/v3-tiny-query/embeddings").body, query)
      << "Azure's names have no colon";
}

TEST_F(EmbedCallTest, OtherModelsAreRefusedWhereNamesCount) {
  test_.options.strict_model = true;
  const HttpResponse refused = post(R"({"input": "a", "model": "text-embedding-3-small"})");
  EXPECT_EQ(refused.status, 404);
  EXPECT_NE(refused.body.find(R"("code":"model_not_found")"), std::string::npos) << refused.body;
  for (const char* name : {"v3-tiny", "owner/v3-tiny", "v3-tiny:query", ""}) {
    EXPECT_EQ(post(R"({"input": "a", "model": ")" + std::string(name) + R"("})").status, 200)
        << name;
  }
  EXPECT_EQ(post(R"({"input": "a"})").status, 200);
  const Router router(test_.service, keys_, openai_routes(test_.service));
  EXPECT_EQ(
      call(router, request_of("POST", "/openai/deployments/other/embeddings", R"({"input": "a"})"))
          .status,
      404);
}

TEST_F(EmbedCallTest, DocumentsOfLateChunkingAreContextsOfTheirOwn) {
  const HttpResponse response = post(
      R"({"input": ["The cat sat. It slept.", {"text": "Birds sing. They fly.", "task": "query"}],
          "late_chunking": true, "chunking": {"by": "sentence"}})");
  ASSERT_EQ(response.status, 200) << response.body;
  const JsonDocument document = JsonDocument::parse(response.body, "answer");
  const std::vector<JsonValue> data = document.root().at("data").elements();
  ASSERT_EQ(data.size(), 4u);
  EmbedOptions options;
  options.late_chunking = true;
  const std::vector<std::string> first = {"The cat sat.", "It slept."};
  const std::vector<std::string> second = {"Birds sing.", "They fly."};
  const Embeddings expected = test_model().predict(first, options);
  options.task = "retrieval.query";
  const Embeddings query = test_model().predict(second, options);
  const auto equal = [](const std::vector<float>& a, std::span<const float> b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end());
  };
  EXPECT_TRUE(equal(floats(data[0]), expected.row(0)));
  EXPECT_TRUE(equal(floats(data[1]), expected.row(1)));
  EXPECT_TRUE(equal(floats(data[2]), query.row(0)));
  EXPECT_TRUE(equal(floats(data[3]), query.row(1)));
}

TEST_F(EmbedCallTest, ErrorsOfChunksNameTheirDocument) {
  std::string long_text;
  for (std::size_t i = 0; i < kTestTokens; ++i) long_text += "a b ";
  for (const char* late : {"true", "false"}) {
    const HttpResponse response =
        post(R"({"input": ["One. Two.", ")" + long_text +
             R"("], "chunking": {}, "truncate": false, "late_chunking": )" + late + "}");
    EXPECT_EQ(response.status, 400) << late;
    const JsonDocument document = JsonDocument::parse(response.body, "answer");
    EXPECT_EQ(document.root().at("error").at("param").string(), "input[1]") << late;
  }
}

TEST_F(EmbedCallTest, CountsTextsByTask) {
  post(R"({"input": ["a", "b", {"text": "c", "task": "query"}]})");
  post(R"({"input": "d", "task": "no such task"})");
  const std::string text = test_.metrics.text();
  for (const char* line : {"nestvec_texts_total{task=\"text-matching\"} 2\n",
                           "nestvec_texts_total{task=\"retrieval.query\"} 1\n",
                           "nestvec_stage_seconds_count{stage=\"compute\"} 1\n"}) {
    EXPECT_NE(text.find(line), std::string::npos) << line << text;
  }
}

TEST_F(EmbedCallTest, ARequestThatIsOverItsTimeIs504) {
  const HttpResponse response = post(R"({"input": "a"})", {{"x-request-timeout-ms", "0"}});
  EXPECT_EQ(response.status, 400);
  // The timer ends it before the model does: its function is called at once.
  test_.service.after = [](std::chrono::milliseconds, const std::function<void()>& late) {
    late();
    return Alarm();
  };
  const HttpResponse late = post(R"({"input": "a"})", {{"x-request-timeout-ms", "60000"}});
  EXPECT_EQ(late.status, 504) << late.body;
  EXPECT_NE(test_.metrics.text().find("nestvec_failed_calls_total{code=\"DEADLINE_EXCEEDED\"} 1"),
            std::string::npos);
}

TEST_F(EmbedCallTest, AClientThatHasGoneIsNotComputedFor) {
  std::stop_source gone;
  gone.request_stop();
  HttpRequest request = request_of("POST", "/v1/embeddings", R"({"input": "a"})");
  request.stop = gone.get_token();
  const Router router(test_.service, keys_, openai_routes(test_.service));
  EXPECT_EQ(call(router, std::move(request)).status, 499);
}

TEST_F(EmbedCallTest, TheExchangeSetsDeadlineQueueAndClient) {
  test_.options.request_seconds = 10;
  test_.options.max_queue_tokens = 1234;
  test_.options.max_queue_seconds = 5;
  EmbedOptions options;
  const Exchange plain = exchange({});
  apply_exchange(plain, options);
  EXPECT_EQ(options.deadline, plain.request->received + std::chrono::seconds(10));
  EXPECT_EQ(options.queue.max_tokens, 1234u);
  EXPECT_EQ(options.queue.max_seconds, 5.0);
  EXPECT_EQ(options.queue.priority, Priority::kAuto);
  const std::uint64_t connection = options.queue.client;

  const Exchange hurried =
      exchange({{"x-request-timeout-ms", "250"}, {"x-nestvec-priority", "bulk"}}, "search");
  apply_exchange(hurried, options);
  EXPECT_EQ(options.deadline, hurried.request->received + std::chrono::milliseconds(250));
  EXPECT_EQ(options.queue.priority, Priority::kBulk);
  EXPECT_NE(options.queue.client, connection);

  const Exchange patient = exchange({{"x-request-timeout-ms", "60000"}});
  apply_exchange(patient, options);
  EXPECT_EQ(options.deadline, patient.request->received + std::chrono::seconds(10));
  EXPECT_EQ(options.queue.client, connection);
}

TEST_F(EmbedCallTest, HeadersThatDoNotParse) {
  EmbedOptions options;
  for (const char* value : {"", "0", "-1", "1.5", "1s", "86400001", "99999999999999999999"}) {
    const Exchange wrong = exchange({{"x-request-timeout-ms", value}});
    EXPECT_EQ(refusal_of([&] { apply_exchange(wrong, options); }).substr(0, 24),
              "400 x-request-timeout-ms")
        << value;
  }
  const Exchange wrong = exchange({{"x-nestvec-priority", "high"}});
  EXPECT_EQ(refusal_of([&] { apply_exchange(wrong, options); }).substr(0, 22),
            "400 x-nestvec-priority");
}

TEST(JoinRows, AsIfTheyCameFromOneCall) {
  const auto part = [](std::vector<float> values, std::vector<std::uint32_t> truncated,
                       const Timing& timing) {
    Embeddings rows;
    rows.rows = values.size();
    rows.width = 1;
    rows.tokens.assign(values.size(), 2);
    rows.values = std::move(values);
    rows.truncated = std::move(truncated);
    rows.timing = timing;
    rows.sparse = {{0}, {}, {}};
    rows.multi = {.width = 1, .starts = {0}, .values = {}};
    for (const float value : rows.values) {
      rows.sparse.indices.push_back(static_cast<std::uint32_t>(value));
      rows.sparse.weights.push_back(value);
      rows.sparse.starts.push_back(rows.sparse.indices.size());
      rows.multi.values.insert(rows.multi.values.end(), {value, -value});
      rows.multi.starts.push_back(rows.multi.values.size());
    }
    return rows;
  };
  const Embeddings whole = join_rows(
      {part({1, 2}, {1}, {1, 3, 4}), part({3}, {0}, {2, 2, 6}), part({4, 5}, {}, {1, 4, 1})});
  EXPECT_EQ(whole.rows, 5u);
  EXPECT_EQ(whole.width, 1u);
  EXPECT_EQ(whole.values, (std::vector<float>{1, 2, 3, 4, 5}));
  EXPECT_EQ(whole.tokens.size(), 5u);
  EXPECT_EQ(whole.truncated, (std::vector<std::uint32_t>{1, 2}));
  EXPECT_EQ(whole.sparse.starts, (std::vector<std::size_t>{0, 1, 2, 3, 4, 5}));
  EXPECT_EQ(whole.sparse.indices, (std::vector<std::uint32_t>{1, 2, 3, 4, 5}));
  EXPECT_EQ(whole.multi.width, 1u);
  EXPECT_EQ(whole.multi.starts, (std::vector<std::size_t>{0, 2, 4, 6, 8, 10}));
  EXPECT_EQ(whole.multi.values, (std::vector<float>{1, -1, 2, -2, 3, -3, 4, -4, 5, -5}));
  EXPECT_EQ(whole.timing.tokenize, 4.0);
  EXPECT_EQ(whole.timing.queue, 2.0);
  EXPECT_EQ(whole.timing.compute, 6.0);
}

TEST_F(EmbedCallTest, ModelsAreListed) {
  const Router router(test_.service, keys_, openai_routes(test_.service));
  const HttpResponse list = call(router, request_of("GET", "/v1/models"));
  const JsonDocument document = JsonDocument::parse(list.body, "answer");
  const JsonValue model = document.root().at("data").elements().at(0);
  EXPECT_EQ(model.at("id").string(), "v3-tiny");
  EXPECT_EQ(model.at("object").string(), "model");
  EXPECT_EQ(model.at("dimensions").integer(), 64);
  EXPECT_EQ(model.at("tasks").size(), 5u);
  EXPECT_EQ(call(router, request_of("GET", "/v1/models/v3-tiny")).status, 200);
  EXPECT_EQ(call(router, request_of("GET", "/v1/models/jinaai/v3-tiny")).status, 200);
  const HttpResponse none = call(router, request_of("GET", "/v1/models/other"));
  EXPECT_EQ(none.status, 404);
  EXPECT_NE(none.body.find("model_not_found"), std::string::npos);
}

}  // namespace
}  // namespace nestvec
