// SPDX-License-Identifier: Apache-2.0
// The whole server: gRPC at HTTP's port, plain and under TLS, before and after there is a model.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "clarifai.pb.h"
#include "health.pb.h"
#include "server/server.h"
#include "support/certificate.h"
#include "support/folders.h"
#include "support/grpc_channel.h"
#include "support/h2_frames.h"
#include "support/test_client.h"

namespace nestvec {
namespace {

namespace fs = std::filesystem;
namespace v2 = clarifai::api;

constexpr const char* kText = "Hello, world!";

class OnePort : public testing::Test {
 protected:
  OnePort() {
    config_.checkpoints.repo_id = test_data() + "/../models/v3-tiny";
    config_.runtime.cache_dir = test_build() + "/one-port-cache";
    config_.runtime.precision = "fp32";
    config_.model = {.id = "jinaai-embeddings-v3", .user_id = "u", .app_id = "a"};
    config_.server.http = "127.0.0.1:0";
    config_.server.grace_seconds = 60;
  }

  void start() {
    server_.emplace(config_.server, log_, config_.model, [this](const AccessRecord& record) {
      const std::lock_guard lock(mutex_);
      records_.push_back(record);
    });
    const std::string text = server_->addresses();
    port_ = static_cast<std::uint16_t>(std::stoi(text.substr(text.find("127.0.0.1:") + 10)));
    channel_ = GrpcChannel::connect(port_);
  }
  void open() { server_->open(load_model(config_)); }

  static Headers with_key(const std::string& authorization) {
    if (authorization.empty()) return {};
    return {{"authorization", authorization}};
  }

  int get_model(const std::string& id, const std::string& authorization = "") {
    v2::GetModelRequest request;
    request.set_model_id(id);
    v2::SingleModelResponse response;
    EXPECT_TRUE(
        channel_->call("/clarifai.api.V2/GetModel", request, &response, with_key(authorization))
            .ok());
    return response.status().code();
  }

  static v2::PostModelOutputsRequest prediction(const std::string& text = kText) {
    v2::PostModelOutputsRequest request;
    request.set_model_id("jinaai-embeddings-v3");
    request.add_inputs()->mutable_data()->mutable_text()->set_raw(text);
    return request;
  }

  v2::MultiOutputResponse predict(const std::string& authorization = "") {
    Headers metadata = with_key(authorization);
    metadata.emplace_back("x-clarifai-request-id-prefix", "sdk-python-12.5.0");
    v2::MultiOutputResponse response;
    EXPECT_TRUE(
        channel_->call("/clarifai.api.V2/PostModelOutputs", prediction(), &response, metadata)
            .ok());
    return response;
  }

  static std::vector<float> vector_of(const v2::MultiOutputResponse& response) {
    EXPECT_EQ(response.status().code(), 10000) << response.DebugString();
    EXPECT_EQ(response.outputs_size(), 1);
    const auto& vector = response.outputs(0).data().embeddings(0).vector();
    return {vector.begin(), vector.end()};
  }

  // The same from /v1/embeddings.
  std::vector<float> vector_of_http(TestClient client) const {
    const auto response = client.ask(post("/v1/embeddings", R"({"input":"Hello, world!"})",
                                          "Content-Type: application/json\r\n"));
    const JsonDocument document = JsonDocument::parse(response.body, "answer");
    std::vector<float> values;
    for (const JsonValue& value :
         document.root().at("data").elements()[0].at("embedding").elements()) {
      values.push_back(static_cast<float>(value.number()));
    }
    return values;
  }

  std::vector<AccessRecord> records() {
    const std::lock_guard lock(mutex_);
    return records_;
  }

  ServerConfig config_;
  Log log_{LogFormat::kText, [](std::string_view) {}};
  std::mutex mutex_;  // guards records_
  std::vector<AccessRecord> records_;
  std::optional<Server> server_;
  std::uint16_t port_ = 0;
  std::shared_ptr<GrpcChannel> channel_;
};

TEST_F(OnePort, VectorsAreThoseOfHttp) {
  start();
  open();
  const std::vector<float> expected = vector_of_http(TestClient(port_));
  EXPECT_EQ(expected.size(), 64U);
  EXPECT_EQ(vector_of(predict()), expected);
  GrpcClientCall generate = channel_->start("/clarifai.api.V2/GenerateModelOutputs");
  generate.write(prediction());
  generate.writes_done();
  v2::MultiOutputResponse response;
  ASSERT_TRUE(generate.read(&response));
  EXPECT_EQ(vector_of(response), expected);
  EXPECT_FALSE(generate.read(&response));
  EXPECT_TRUE(generate.finish().ok());
  EXPECT_TRUE(server_->drain());
}

TEST_F(OnePort, BeforeThereIsAModel) {
  config_.server.api_keys = "secret";
  start();
  const std::string key = "Key secret";
  EXPECT_EQ(get_model("jinaai-embeddings-v3", key), 10000);
  EXPECT_EQ(get_model("jinaai-embeddings-v3-batch", key), 10000);
  EXPECT_EQ(get_model("another", key), 21200);
  const v2::MultiOutputResponse loading = predict(key);
  EXPECT_EQ(loading.status().code(), 21355);
  ASSERT_EQ(loading.outputs_size(), 1);
  EXPECT_EQ(loading.outputs(0).status().code(), 21355);
  EXPECT_EQ(predict("Key wrong").status().code(), 11009);
  GrpcClientCall stream = channel_->start("/clarifai.api.V2/StreamModelOutputs", with_key(key));
  v2::MultiOutputResponse response;
  ASSERT_TRUE(stream.read(&response));
  EXPECT_EQ(response.status().code(), 21355);
  EXPECT_FALSE(stream.read(&response));
  EXPECT_TRUE(stream.finish().ok());
  TestClient http(port_);
  EXPECT_EQ(
      http.ask(get("/v2/models/jinaai-embeddings-v3", "Authorization: Key secret\r\n")).status,
      200);
  EXPECT_EQ(http.ask(get("/health")).status, 200);
  open();
  EXPECT_EQ(vector_of(predict(key)).size(), 64U);
  EXPECT_EQ(get_model("another", key), 21200);
}

TEST_F(OnePort, ErrorsOfKeysAreInTheBodyOfEveryMethod) {
  config_.server.api_keys = "secret";
  start();
  open();
  for (const auto& [authorization, code] :
       {std::pair{"", 11102}, {"secret", 11102}, {"Key wrong", 11009}, {"Key secret", 10000}}) {
    EXPECT_EQ(get_model("jinaai-embeddings-v3", authorization), code) << authorization;
    const v2::MultiOutputResponse response = predict(authorization);
    EXPECT_EQ(response.status().code(), code) << authorization;
    ASSERT_EQ(response.outputs_size(), 1) << authorization;
    EXPECT_EQ(response.outputs(0).status().code(), code) << authorization;
    EXPECT_EQ(response.status().req_id().find("sdk-python-12.5.0-"), 0U);
    GrpcClientCall stream =
        channel_->start("/clarifai.api.V2/StreamModelOutputs", with_key(authorization));
    stream.write(prediction());
    stream.writes_done();
    v2::MultiOutputResponse streamed;
    ASSERT_TRUE(stream.read(&streamed)) << authorization;
    EXPECT_EQ(streamed.status().code(), code) << authorization;
    EXPECT_EQ(streamed.outputs_size(), 1);
    EXPECT_TRUE(stream.finish().ok());
  }
}

TEST_F(OnePort, UnderTls) {
  const fs::path folder =
      fs::path(testing::TempDir()) / ("nestvec-one-port-" + std::to_string(::getpid()));
  fs::create_directories(folder);
  config_.server.tls_certificate = folder / "certificate.pem";
  config_.server.tls_key = folder / "key.pem";
  write_certificate("one-port", config_.server.tls_certificate, config_.server.tls_key);
  start();
  open();
  TestClient http(port_);
  ASSERT_TRUE(http.start_tls());
  TestClient client(port_);
  ASSERT_TRUE(client.start_tls("\x02h2"));
  const std::string body = prediction().SerializeAsString();
  client.send(std::string(kHttp2Preface) + h2_frame(4, 0, 0) +
              h2_frame(1, 4, 1, h2_grpc_head("/clarifai.api.V2/PostModelOutputs")) +
              h2_frame(0, 1, 1, grpc_prefix(body.size()) + body));
  GrpcMessageReader reader(1 << 20);
  while (!reader.ready()) {
    const std::optional<H2Frame> frame = read_h2_frame(client);
    ASSERT_TRUE(frame);
    if (frame->type == 0) reader.feed(frame->payload);
  }
  v2::MultiOutputResponse response;
  ASSERT_TRUE(response.ParseFromString(reader.take()->bytes));
  EXPECT_EQ(vector_of(response), vector_of_http(std::move(http)));
  fs::remove_all(folder);
}

TEST_F(OnePort, ASecondPortDoesTheSame) {
  config_.server.grpc = "127.0.0.1:0";
  start();
  open();
  const std::string text = server_->addresses();
  const std::string grpc = "grpc://127.0.0.1:";
  ASSERT_NE(text.find(grpc), std::string::npos);
  const auto second =
      static_cast<std::uint16_t>(std::stoi(text.substr(text.find(grpc) + grpc.size())));
  EXPECT_NE(second, port_);
  const std::vector<float> first = vector_of(predict());
  EXPECT_EQ(vector_of_http(TestClient(second)), first);
  channel_ = GrpcChannel::connect(second);
  EXPECT_EQ(vector_of(predict()), first);
  EXPECT_TRUE(server_->drain());
}

TEST_F(OnePort, ManyConnections) {
  start();
  open();
  const std::vector<float> expected = vector_of(predict());
  std::vector<std::shared_ptr<GrpcChannel>> channels;
  for (int i = 0; i < 50; ++i) {
    channel_ = GrpcChannel::connect(port_);
    EXPECT_EQ(vector_of(predict()), expected);
    channels.push_back(channel_);
  }
  EXPECT_EQ(vector_of(predict()), expected);
}

// Calls are logged as requests of HTTP are, with the id that the answer names.
TEST_F(OnePort, CallsAreInTheLog) {
  start();
  open();
  const v2::MultiOutputResponse response = predict();
  EXPECT_EQ(get_model("another"), 21200);
  ASSERT_TRUE(eventually([&] { return records().size() == 2; }));
  std::vector<AccessRecord> log = records();
  std::ranges::sort(log, {}, &AccessRecord::status);
  EXPECT_EQ(log[0].method, "GRPC");
  EXPECT_EQ(log[0].path, "/clarifai.api.V2/PostModelOutputs");
  EXPECT_EQ(log[0].status, 200);
  EXPECT_EQ(log[0].client, "127.0.0.1");
  EXPECT_EQ(log[0].id, response.status().req_id());
  EXPECT_EQ(log[0].tokens, response.outputs(0).prompt_tokens());
  EXPECT_EQ(log[0].bytes_in, prediction().ByteSizeLong());
  EXPECT_EQ(log[0].bytes_out, response.ByteSizeLong());
  EXPECT_GT(log[0].milliseconds, 0);
  EXPECT_EQ(log[1].path, "/clarifai.api.V2/GetModel");
  EXPECT_EQ(log[1].status, 404);
}

std::string from_hex(std::string_view hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  }
  return bytes;
}

// Bytes that the SDK has sent, and the status that it gets.
TEST_F(OnePort, AnswersWhatTheSdkHasSent) {
  start();
  open();
  const JsonDocument wire = JsonDocument::load(test_data() + "/clarifai/wire.json");
  for (const JsonValue& recorded : wire.root().at("requests").elements()) {
    const std::string call(recorded.at("call").string());
    const std::string bytes = from_hex(recorded.at("hex").string());
    GrpcClientCall sent =
        channel_->start("/clarifai.api.V2/" + std::string(recorded.at("rpc").string()));
    sent.write_bytes(grpc_prefix(bytes.size()) + bytes);
    sent.writes_done();
    v2::SingleUserResponse answer;  // each response has its status first
    ASSERT_TRUE(sent.read(&answer)) << call;
    ASSERT_TRUE(sent.finish().ok()) << call;
    const bool other_version = bytes.find("v1") != std::string::npos;
    const int expected = call.starts_with("predict_by_url") ? 30101 : other_version ? 21200 : 10000;
    EXPECT_EQ(answer.status().code(), expected) << call << answer.DebugString();
  }
}

// Somebody who watches health as long as the server lives.
TEST_F(OnePort, WatchersDoNotHoldUpTheEnd) {
  start();
  open();
  GrpcClientCall watch = channel_->start("/grpc.health.v1.Health/Watch");
  watch.write(grpc::health::v1::HealthCheckRequest());
  watch.writes_done();
  grpc::health::v1::HealthCheckResponse health;
  ASSERT_TRUE(watch.read(&health));
  EXPECT_EQ(health.status(), grpc::health::v1::HealthCheckResponse::SERVING);
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_TRUE(server_->drain());
  // Where it held it up, all of the time that is given was gone.
  EXPECT_LT(std::chrono::steady_clock::now() - begin,
            std::chrono::seconds(config_.server.grace_seconds));
  ASSERT_TRUE(watch.read(&health));
  EXPECT_EQ(health.status(), grpc::health::v1::HealthCheckResponse::NOT_SERVING);
  EXPECT_FALSE(watch.read(&health));
  EXPECT_EQ(watch.finish().code, static_cast<int>(ErrorCode::kUnavailable));
}

}  // namespace
}  // namespace nestvec
