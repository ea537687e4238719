// SPDX-License-Identifier: Apache-2.0
// For tests: a server of gRPC in this process with a small model, and a client.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "dialects/clarifai/clarifai.h"
#include "grpc/grpc_server.h"
#include "http/http_server.h"
#include "nestvec/model.h"
#include "service/request_threads.h"
#include "support/folders.h"
#include "support/grpc_channel.h"
#include "tei.pb.h"

namespace nestvec {

namespace v1 = tei::v1;

inline const Model& grpc_test_model() {
  static const Model loaded = [] {
    ModelConfig config;
    config.checkpoints.repo_id = test_data() + "/../models/v3-tiny";
    config.runtime.cache_dir = test_build() + "/grpc-cache";
    config.runtime.precision = "fp32";
    config.runtime.max_tokens = 1024;  // long enough to take some time
    return load_model(config);
  }();
  return loaded;
}

inline bool is_error(const GrpcStatus& status, ErrorCode code) {
  return status.code == static_cast<int>(code);
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
    grpc_->open(service_);
  }

  void start_loading() {
    context_.begin = [this](std::function<void()> work, RequestTurn turn) {
      return threads_.try_post(std::move(work), turn);
    };
    context_.go_on = [this](std::function<void()> work, RequestTurn turn) {
      threads_.post(std::move(work), turn);
    };
    grpc_.emplace(context_);
    HttpServerOptions http;
    http.address.host = "127.0.0.1";
    http.more_addresses = more_addresses_;
    http.server = options_;
    http.streamed = grpc_->service();
    http.is_urgent = &GrpcServer::is_health_call;
    http.memory = memory_;
    http_.emplace(
        http,
        [](const std::shared_ptr<const HttpRequest>&, const Respond& respond) {
          respond({.status = 404, .headers = {}, .body = {}});
        },
        threads_);
    http_->start();
    channel_ = new_channel();
  }

  void TearDown() override {
    http_.reset();
    // What the model has been given still answers on the threads.
    EXPECT_TRUE(grpc_->wait_for_calls(std::chrono::steady_clock::now() + std::chrono::minutes(1)));
  }

  // As the server as a whole does it.
  bool drain(std::chrono::steady_clock::time_point deadline) {
    grpc_->drain();
    const bool all = http_->drain(deadline);
    return grpc_->wait_for_calls(deadline) && all;
  }

  std::shared_ptr<GrpcChannel> new_channel() const { return GrpcChannel::connect(http_->port()); }

  static v1::EmbedRequest request(const std::string& text) {
    v1::EmbedRequest message;
    message.set_inputs(text);
    return message;
  }

  GrpcStatus embed(const v1::EmbedRequest& message, v1::EmbedResponse* response,
                   const std::string& authorization = "") {
    Headers metadata;
    if (!authorization.empty()) metadata.emplace_back("authorization", authorization);
    return channel_->call("/tei.v1.Embed/Embed", message, response, metadata);
  }

  GrpcClientCall embed_stream() const { return channel_->start("/tei.v1.Embed/EmbedStream"); }

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

  ServerOptions options_;
  std::vector<Address> more_addresses_;
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
  std::shared_ptr<MemoryAccount> memory_;  // none = nothing is counted
  GrpcContext context_{options_, metrics_, keys_, clarifai_, [this](const AccessRecord& record) {
                         const std::lock_guard lock(records_mutex_);
                         records_.push_back(record);
                       }};
  std::optional<GrpcServer> grpc_;
  RequestThreads threads_{2};
  std::optional<HttpServer> http_;
  std::shared_ptr<GrpcChannel> channel_;
};

}  // namespace nestvec
