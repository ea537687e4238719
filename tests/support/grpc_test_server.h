// SPDX-License-Identifier: Apache-2.0
// For tests: a gRPC server in this process with a small model, and clients of gRPC's own.
#pragma once

#include <grpcpp/create_channel.h>
#include <gtest/gtest.h>

#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "dialects/clarifai/clarifai.h"
#include "grpc/grpc_server.h"
#include "nestvec/model.h"
#include "service/request_threads.h"
#include "tei.grpc.pb.h"

namespace nestvec {

namespace v1 = tei::v1;

inline const Model& grpc_test_model() {
  static const Model loaded = [] {
    ModelConfig config;
    config.checkpoints.repo_id = std::string(NESTVEC_TEST_DATA) + "/../models/v3-tiny";
    config.runtime.cache_dir = std::string(NESTVEC_TEST_BUILD) + "/grpc-cache";
    config.runtime.precision = "fp32";
    config.runtime.max_tokens = 1024;  // long enough to take some time
    return load_model(config);
  }();
  return loaded;
}

// start() after the options and keys are set. start_loading() has no model yet.
class GrpcServerTest : public testing::Test {
 protected:
  void start() {
    start_loading();
    open();
  }

  void open() {
    service_.ready = true;
    clarifai_.open(service_);
    server_->open(service_);
  }

  void start_loading() {
    server_.emplace(std::vector<Address>{parse_address("127.0.0.1:0")}, TlsFiles{}, context_);
    server_->start();
    channel_ = new_channel();
    embed_ = v1::Embed::NewStub(channel_);
    tokenize_ = v1::Tokenize::NewStub(channel_);
  }

  std::shared_ptr<grpc::Channel> new_channel() const {
    grpc::ChannelArguments arguments;
    arguments.SetMaxReceiveMessageSize(-1);
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);  // a connection of its own
    return grpc::CreateCustomChannel("127.0.0.1:" + std::to_string(server_->ports()[0]),
                                     grpc::InsecureChannelCredentials(), arguments);
  }

  static v1::EmbedRequest request(const std::string& text) {
    v1::EmbedRequest message;
    message.set_inputs(text);
    return message;
  }

  grpc::Status embed(const v1::EmbedRequest& message, v1::EmbedResponse* response,
                     const std::string& authorization = "") {
    grpc::ClientContext context;
    if (!authorization.empty()) context.AddMetadata("authorization", authorization);
    return embed_->Embed(&context, message, response);
  }

  // A text that keeps the small model busy for some time.
  static std::string long_text(std::size_t words = 400) {
    std::string text;
    for (std::size_t i = 0; i < words; ++i) text += "cat ";
    return text;
  }

  static std::vector<float> expected(const std::string& text, const EmbedOptions& options = {}) {
    return grpc_test_model().predict(text, options);
  }
  static std::vector<float> vector_of(const v1::EmbedResponse& response) {
    return {response.embeddings().begin(), response.embeddings().end()};
  }

  RequestThreads threads_{2};
  ServerOptions options_;
  Metrics metrics_;
  KeyStore keys_;
  Service service_{.model = grpc_test_model(),
                   .options = options_,
                   .metrics = metrics_,
                   .post = [this](std::function<void()> work) { threads_.post(std::move(work)); },
                   .version = "1.2.3"};
  ModelIdentity identity_{.id = grpc_test_model().info().id, .user_id = "u", .app_id = "a"};
  Clarifai clarifai_{identity_};
  std::mutex records_mutex_;  // guards records_
  std::vector<AccessRecord> records_;
  GrpcContext context_{options_, metrics_, keys_, clarifai_, [this](const AccessRecord& record) {
                         const std::lock_guard lock(records_mutex_);
                         records_.push_back(record);
                       }};
  std::optional<GrpcServer> server_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::Embed::Stub> embed_;
  std::unique_ptr<v1::Tokenize::Stub> tokenize_;
};

}  // namespace nestvec
