// SPDX-License-Identifier: Apache-2.0
// The server as a whole: transports, dialects and the model behind them.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <shared_mutex>
#include <stop_token>
#include <string>
#include <vector>

#include "base/address.h"
#include "base/memory_account.h"
#include "http/http_server.h"
#include "nestvec/model.h"
#include "observe/log.h"
#include "observe/metrics.h"
#include "observe/span_exporter.h"
#include "server/memory_trimmer.h"
#include "server/model_admin.h"
#include "service/http_message.h"
#include "service/keys.h"
#include "service/loading.h"
#include "service/request_threads.h"
#include "service/timer_thread.h"

namespace nestvec {

class Clarifai;
class ClarifaiRest;
struct GrpcContext;
class GrpcServer;

struct NamedModel {
  Model model;
  std::vector<std::string> aliases = {};
};

// Where models come from that are loaded while the server answers.
struct ModelLoader {
  std::function<NamedModel(const ModelToLoad& model, const std::stop_token& stop)> load = {};
  // What requests may take beside the models that there are now; empty = as before.
  std::function<std::uint64_t()> request_memory = {};
};

// Every port answers HTTP/1 and HTTP/2, and gRPC over the latter; ServerOptions::grpc is a second
// one that does the same.
//
// Made in three steps: it listens from its construction on, so that a port in use and a missing
// file are told before a model is loaded; open() brings the model; drain() ends it. reload() may be
// called from another thread at any time, the rest from one thread.
class Server {
 public:
  // The fewest: a long body keeps one of them busy.
  static constexpr std::size_t kRequestThreads = 2;

  // Until open() /health and /metrics are answered, the page says how far the load is, Clarifai's
  // clients hear what they ask about the model, and all else gets 503 or what a dialect has for it.
  // `identity` is what Clarifai's clients call the model by. `options` and `log` outlive the
  // server; `access_log` is called for each request and may be empty. So many `request_threads`
  // parse, tokenise and render. Throws Error: kInvalidArgument (an address, a key, TLS files that
  // do not fit), kNotFound (a file), kAlreadyExists (an address in use), kPermissionDenied,
  // kResourceExhausted (a thread).
  Server(const ServerOptions& options, Log& log, ModelIdentity identity = {},
         AccessLog access_log = {}, std::size_t request_threads = kRequestThreads);
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  // Ends what is still running.
  ~Server();

  // Takes the models into service: each runs a first text, and then all are ready. Blocks. To be
  // called once, with one model at least. Requests share so many bytes of `request_memory`; 0 = as
  // without a budget. With server.admin others come and go by `loader`. Throws Error as
  // Model::predict; kAlreadyExists where two have one name.
  void open(std::vector<NamedModel> models, std::uint64_t request_memory = 0,
            ModelLoader loader = {});
  void open(Model model, std::uint64_t request_memory = 0);

  // How far the load of the model is, for those who ask meanwhile; may be told from any thread.
  LoadState& load_state() { return load_; }

  // Where it answers, "http://127.0.0.1:8080 grpc://127.0.0.1:9090".
  std::string addresses() const;

  // Keys and TLS files anew. What cannot be read stays as it was; the log tells.
  void reload();

  // Takes no more requests and waits for those that are being answered, grace_seconds at most.
  // Returns whether all have been.
  bool drain();

 private:
  struct Opened;  // what there is once the model is

  SpanSink span_sink() const;
  void handle(std::shared_ptr<const HttpRequest> request, Respond respond);
  void load_keys();
  // Answers requests for which a body makes no difference: of no route, or without a key.
  HeadVerdict judge(const HttpRequest& head);
  HttpResponse refuse(const HttpRequest& head, const Error& error);
  HttpResponse say_loading(const HttpRequest& request) const;
  void add_metrics();
  void start_http();

  const ServerOptions& options_;
  Log& log_;
  const Address http_address_;
  KeyStore keys_;
  const std::shared_ptr<MemoryAccount> memory_;  // of all requests
  Metrics metrics_;
  LoadState load_;
  std::unique_ptr<SpanExporter> spans_;  // none without server.otlp_endpoint
  std::unique_ptr<TimerThread> timer_;
  std::unique_ptr<MemoryTrimmer> trimmer_;
  std::unique_ptr<RequestThreads> threads_;
  const std::unique_ptr<Clarifai> clarifai_;
  const std::unique_ptr<const ClarifaiRest> rest_;
  std::shared_mutex gate_;  // shared by handlers that run; open_ does not change meanwhile
  std::atomic<bool> open_{false};
  std::unique_ptr<Opened> opened_;
  const std::unique_ptr<GrpcContext> grpc_context_;
  std::unique_ptr<GrpcServer> grpc_;
  std::unique_ptr<HttpServer> http_;  // hands calls to grpc_
};

}  // namespace nestvec
