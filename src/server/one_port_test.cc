// SPDX-License-Identifier: Apache-2.0
// The whole server: gRPC at HTTP's port, plain and under TLS, before and after there is a model.
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <future>
#include <iterator>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "clarifai.grpc.pb.h"
#include "server/server.h"
#include "support/certificate.h"
#include "support/test_client.h"

namespace nestvec {
namespace {

namespace fs = std::filesystem;
namespace v2 = clarifai::api;

constexpr const char* kText = "Hello, world!";

class OnePort : public testing::Test {
 protected:
  OnePort() {
    config_.checkpoints.repo_id = std::string(NESTVEC_TEST_DATA) + "/../models/v3-tiny";
    config_.runtime.cache_dir = std::string(NESTVEC_TEST_BUILD) + "/one-port-cache";
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
    stub_ = v2::V2::NewStub(channel(port_));
  }
  void open() { server_->open(load_model(config_)); }

  static std::shared_ptr<grpc::Channel> channel(
      std::uint16_t port, const std::shared_ptr<grpc::ChannelCredentials>& credentials =
                              grpc::InsecureChannelCredentials()) {
    grpc::ChannelArguments arguments;
    arguments.SetSslTargetNameOverride("one-port");
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    return grpc::CreateCustomChannel("127.0.0.1:" + std::to_string(port), credentials, arguments);
  }

  int get_model(const std::string& id, const std::string& authorization = "") {
    grpc::ClientContext context;
    if (!authorization.empty()) context.AddMetadata("authorization", authorization);
    v2::GetModelRequest request;
    request.set_model_id(id);
    v2::SingleModelResponse response;
    EXPECT_TRUE(stub_->GetModel(&context, request, &response).ok());
    return response.status().code();
  }

  static v2::PostModelOutputsRequest prediction(const std::string& text = kText) {
    v2::PostModelOutputsRequest request;
    request.set_model_id("jinaai-embeddings-v3");
    request.add_inputs()->mutable_data()->mutable_text()->set_raw(text);
    return request;
  }

  v2::MultiOutputResponse predict(const std::string& authorization = "") {
    grpc::ClientContext context;
    if (!authorization.empty()) context.AddMetadata("authorization", authorization);
    context.AddMetadata("x-clarifai-request-id-prefix", "sdk-python-12.5.0");
    v2::MultiOutputResponse response;
    EXPECT_TRUE(stub_->PostModelOutputs(&context, prediction(), &response).ok());
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

  ModelConfig config_;
  Log log_{LogFormat::kText, [](std::string_view) {}};
  std::mutex mutex_;  // guards records_
  std::vector<AccessRecord> records_;
  std::optional<Server> server_;
  std::uint16_t port_ = 0;
  std::unique_ptr<v2::V2::Stub> stub_;
};

TEST_F(OnePort, VectorsAreThoseOfHttp) {
  start();
  open();
  const std::vector<float> expected = vector_of_http(TestClient(port_));
  EXPECT_EQ(expected.size(), 64U);
  EXPECT_EQ(vector_of(predict()), expected);
  grpc::ClientContext context;
  const auto generate = stub_->GenerateModelOutputs(&context, prediction());
  v2::MultiOutputResponse response;
  ASSERT_TRUE(generate->Read(&response));
  EXPECT_EQ(vector_of(response), expected);
  EXPECT_FALSE(generate->Read(&response));
  EXPECT_TRUE(generate->Finish().ok());
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
  grpc::ClientContext context;
  context.AddMetadata("authorization", key);
  const auto stream = stub_->StreamModelOutputs(&context);
  v2::MultiOutputResponse response;
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_EQ(response.status().code(), 21355);
  EXPECT_FALSE(stream->Read(&response));
  EXPECT_TRUE(stream->Finish().ok());
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
    grpc::ClientContext context;
    if (*authorization != '\0') context.AddMetadata("authorization", authorization);
    const auto stream = stub_->StreamModelOutputs(&context);
    stream->Write(prediction());
    stream->WritesDone();
    v2::MultiOutputResponse streamed;
    ASSERT_TRUE(stream->Read(&streamed)) << authorization;
    EXPECT_EQ(streamed.status().code(), code) << authorization;
    EXPECT_EQ(streamed.outputs_size(), 1);
    EXPECT_TRUE(stream->Finish().ok());
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
  std::ifstream file(config_.server.tls_certificate);
  grpc::SslCredentialsOptions roots;
  roots.pem_root_certs.assign(std::istreambuf_iterator<char>(file), {});
  stub_ = v2::V2::NewStub(channel(port_, grpc::SslCredentials(roots)));
  TestClient http(port_);
  ASSERT_TRUE(http.start_tls());
  EXPECT_EQ(vector_of(predict()), vector_of_http(std::move(http)));
  fs::remove_all(folder);
}

TEST_F(OnePort, ASecondPortMayBeGrpcAlone) {
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
  stub_ = v2::V2::NewStub(channel(second));
  EXPECT_EQ(vector_of(predict()), first);
  EXPECT_TRUE(server_->drain());
}

TEST_F(OnePort, ManyConnections) {
  start();
  open();
  const std::vector<float> expected = vector_of(predict());
  std::vector<std::unique_ptr<v2::V2::Stub>> stubs;
  for (int i = 0; i < 50; ++i) {
    stub_ = v2::V2::NewStub(channel(port_));
    EXPECT_EQ(vector_of(predict()), expected);
    stubs.push_back(std::move(stub_));
  }
  stub_ = std::move(stubs.back());
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
  grpc::GenericStub stub(channel(port_));
  const JsonDocument wire =
      JsonDocument::load(std::string(NESTVEC_TEST_DATA) + "/clarifai/wire.json");
  for (const JsonValue& recorded : wire.root().at("requests").elements()) {
    const std::string call(recorded.at("call").string());
    const std::string bytes = from_hex(recorded.at("hex").string());
    grpc::Slice slice(bytes);
    const grpc::ByteBuffer request(&slice, 1);
    grpc::ByteBuffer response;
    grpc::ClientContext context;
    std::promise<grpc::Status> ended;
    stub.UnaryCall(&context, "/clarifai.api.V2/" + std::string(recorded.at("rpc").string()), {},
                   &request, &response,
                   [&](grpc::Status status) { ended.set_value(std::move(status)); });
    ASSERT_TRUE(ended.get_future().get().ok()) << call;
    grpc::Slice whole;
    ASSERT_TRUE(response.DumpToSingleSlice(&whole).ok());
    v2::SingleUserResponse answer;  // each response has its status first
    ASSERT_TRUE(answer.ParseFromArray(whole.begin(), static_cast<int>(whole.size()))) << call;
    const bool other_version = bytes.find("v1") != std::string::npos;
    const int expected = call.starts_with("predict_by_url") ? 30101 : other_version ? 21200 : 10000;
    EXPECT_EQ(answer.status().code(), expected) << call << answer.DebugString();
  }
}

// Somebody who watches health as long as the server lives.
TEST_F(OnePort, WatchersDoNotHoldUpTheEnd) {
  start();
  open();
  grpc::GenericStub stub(channel(port_));
  grpc::ClientContext context;
  grpc::CompletionQueue queue;
  const auto next = [&queue] {
    void* tag = nullptr;
    bool ok = false;
    return queue.Next(&tag, &ok) && ok;
  };
  const auto watch = stub.PrepareCall(&context, "/grpc.health.v1.Health/Watch", &queue);
  watch->StartCall(nullptr);
  ASSERT_TRUE(next());
  grpc::Slice nothing("", 0);
  watch->WriteLast(grpc::ByteBuffer(&nothing, 1), {}, nullptr);
  ASSERT_TRUE(next());
  grpc::ByteBuffer serving;
  watch->Read(&serving, nullptr);
  ASSERT_TRUE(next());
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_TRUE(server_->drain());
  // Where it held it up, all of the time that is given was gone.
  EXPECT_LT(std::chrono::steady_clock::now() - begin,
            std::chrono::seconds(config_.server.grace_seconds));
  // A call ends when all has been read: it may have been told that nothing is served any more.
  do {
    watch->Read(&serving, nullptr);
  } while (next());
  grpc::Status status;
  watch->Finish(&status, nullptr);
  EXPECT_TRUE(next());
  EXPECT_FALSE(status.ok());
  queue.Shutdown();
}

}  // namespace
}  // namespace nestvec
