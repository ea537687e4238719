// SPDX-License-Identifier: Apache-2.0
#include "server/server.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <mutex>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "dialects/clarifai/clarifai.h"
#include "dialects/clarifai/clarifai_rest.h"
#include "dialects/dialects.h"
#include "grpc/grpc_server.h"
#include "nestvec/version.h"
#include "observe/process_metrics.h"
#include "server/key_file.h"
#include "server/model_labels.h"
#include "server/request_memory_limit.h"
#include "service/operations.h"
#include "service/page.h"
#include "service/request_path.h"
#include "service/router.h"
#include "service/service.h"

namespace nestvec {
namespace {

std::string address_text(std::string_view scheme, const Address& address, int port) {
  if (!address.unix_path.empty()) return "unix:" + address.unix_path;
  const bool is_ipv6 = address.host.find(':') != std::string::npos;
  const std::string host = is_ipv6 ? "[" + address.host + "]" : address.host;
  return std::string(scheme) + "://" + host + ":" + std::to_string(port);
}

void check_tls_pair(const ServerOptions& options) {
  if (options.tls_certificate.empty() == options.tls_key.empty()) return;
  throw Error(ErrorCode::kInvalidArgument,
              options.tls_key.empty()
                  ? "server.tls_certificate needs server.tls_key, the file of its private key"
                  : "server.tls_key needs server.tls_certificate, the file of its certificate");
}

// Changes of models by whoever reaches the port would be a way in.
void check_admin(const ServerOptions& options) {
  if (!options.admin || !options.api_keys.empty() || !options.api_key_file.empty()) return;
  throw Error(ErrorCode::kInvalidArgument,
              "server.admin lets requests load and unload models, so it needs an API key; set "
              "server.api_key_file");
}

// What finds out that a model runs, and how fast, before anybody waits for it.
void warm_up(const Model& model) {
  const std::string text = "The first text is for the server itself.";
  const ModelInfo& info = model.info();
  if (info.labels.empty()) {
    EmbedOptions options;
    options.dense = info.dense;
    options.sparse = !info.dense && info.sparse;
    model.predict(std::span(&text, 1), options);
  } else {
    const TextPair pair{.first = text};
    try {
      model.classify(std::span(&pair, 1));
    } catch (const Error& error) {  // of a model that reads pairs alone
      if (error.code() != ErrorCode::kInvalidArgument) throw;
      model.rerank(text, std::span(&text, 1));
    }
  }
}

// Whether it listens on loopback addresses and on no others; Unix sockets aside.
bool is_local(const ServerOptions& options) {
  bool local = false;
  for (const std::string& text : {options.http, options.grpc}) {
    if (text.empty()) continue;
    const Address address = parse_address(text);
    if (!address.loopback()) return false;
    local = local || address.unix_path.empty();
  }
  return local;
}

}  // namespace

struct Server::Opened {
  // A model in service; or none, where it is the server itself.
  struct Served {
    Served(Model loaded, Opened& opened)
        : model(std::move(loaded)),
          service{.model = model,
                  .options = opened.owner.options_,
                  .metrics = opened.owner.metrics_,
                  .post = [threads = opened.owner.threads_.get()](
                              std::function<void()> work) { threads->post(std::move(work)); },
                  .version = kVersion,
                  .after =
                      [timer = opened.owner.timer_.get()](std::chrono::milliseconds wait,
                                                          std::function<void()> work) {
                        return timer->after(wait, std::move(work));
                      },
                  .spans = opened.owner.span_sink(),
                  .local = is_local(opened.owner.options_),
                  .models = &opened.models} {
      if (!opened.owner.options_.admin) return;
      service.change_models = [&opened](Exchange exchange) {
        opened.admin->change(std::move(exchange));
      };
    }

    Model model;
    Service service;
  };

  Opened(std::vector<NamedModel> loaded, Server& server, ModelLoader from)
      : owner(server), loader(std::move(from)), labels(loaded.size() > 1 || server.options_.admin) {
    for (NamedModel& each : loaded) add(std::move(each));
    // NOLINTNEXTLINE(bugprone-use-after-move): what is left, a model without an engine, is wanted
    root.emplace(std::move(loaded.front().model), *this);
    if (server.options_.admin) {
      admin.emplace(
          ModelAdmin::Actions{[this](const ModelToLoad& model, const std::stop_token& stop) {
                                return load(model, stop);
                              },
                              [this](const std::string& name) { return unload(name); }});
    }
    router.emplace(root->service, server.keys_, routes(server));
  }

  std::vector<Route> routes(const Server& server) {
    // These first: what is nowhere below /v2 is told as Clarifai tells it.
    std::vector<Route> all = server.rest_->routes();
    std::ranges::move(all_routes(root->service), std::back_inserter(all));
    return all;
  }

  // Runs a first text and takes the model into service.
  std::string add(NamedModel named);
  std::string load(const ModelToLoad& model, const std::stop_token& stop);
  std::string unload(const std::string& name);
  void fit_request_memory() const;

  Server& owner;
  const ModelLoader loader;
  ModelLabels labels;
  ServedModels models;
  std::uint64_t loads = 0;
  std::optional<Served> root;  // what stays while models come and go
  std::optional<ModelAdmin> admin;
  std::optional<Router> router;
};

std::string Server::Opened::add(NamedModel named) {
  const auto served = std::make_shared<Served>(std::move(named.model), *this);
  Service& service = served->service;
  const std::string id = service.model.info().id;
  service.aliases = std::move(named.aliases);
  service.metric_labels = labels.of(id);
  service.loaded = loads++;
  service.model.observe_batches(batch_metrics(owner.metrics_, service.metric_labels));
  warm_up(service.model);
  add_model_metrics(models.add({served, &service}));
  return id;
}

std::string Server::Opened::load(const ModelToLoad& model, const std::stop_token& stop) {
  models.check_free(model.aliases);  // before it costs a load
  if (!model.name.empty()) models.check_free({&model.name, 1});
  const std::string id = add(loader.load(model, stop));
  fit_request_memory();
  owner.log_.message(LogLevel::kInfo, "loaded model " + id);
  return id;
}

std::string Server::Opened::unload(const std::string& name) {
  const std::string id = models.require(name, "unload")->model.info().id;
  models.remove(name, std::chrono::seconds(owner.options_.grace_seconds),
                [](const Model& model) { model.shut_down(); });
  fit_request_memory();
  owner.log_.message(LogLevel::kInfo, "unloaded model " + id);
  return id;
}

void Server::Opened::fit_request_memory() const {
  if (!loader.request_memory) return;
  if (const std::uint64_t bytes = loader.request_memory(); bytes > 0)
    owner.memory_->set_limit(bytes);
}

Server::Server(const ServerOptions& options, Log& log, ModelIdentity identity, AccessLog access_log,
               std::size_t request_threads)
    : options_(options),
      log_(log),
      http_address_(parse_address(options.http)),
      memory_(std::make_shared<MemoryAccount>(
          "server.request_memory", decide_request_memory({options.request_memory_bytes}).bytes)),
      timer_(std::make_unique<TimerThread>()),
      trimmer_(std::make_unique<MemoryTrimmer>(*timer_, memory_)),
      threads_(std::make_unique<RequestThreads>(std::max(request_threads, kRequestThreads))),
      clarifai_(std::make_unique<Clarifai>(std::move(identity))),
      rest_(std::make_unique<ClarifaiRest>(*clarifai_)),
      grpc_context_(std::make_unique<GrpcContext>(options, metrics_, keys_, *clarifai_,
                                                  std::move(access_log))) {
  check_tls_pair(options);
  check_admin(options);
  load_keys();
  if (!options.otlp_endpoint.empty()) {
    spans_ = std::make_unique<SpanExporter>(options.otlp_endpoint, kVersion, metrics_, log_);
    grpc_context_->spans = span_sink();
  }
  grpc_context_->begin = [this](std::function<void()> work, RequestTurn turn) {
    return threads_->try_post(std::move(work), turn);
  };
  grpc_context_->go_on = [this](std::function<void()> work, RequestTurn turn) {
    threads_->post(std::move(work), turn);
  };
  grpc_ = std::make_unique<GrpcServer>(*grpc_context_);
  start_http();
}

// Checks the files of keys, TLS's too, and reads those of API keys.
void Server::load_keys() {
  for (const std::string& file : {options_.api_key_file, options_.tls_key}) {
    const std::string warning = file.empty() ? "" : check_key_file(file);
    if (!warning.empty()) log_.message(LogLevel::kWarning, warning);
  }
  keys_.load(options_.api_keys, options_.api_key_file);
}

void Server::start_http() {
  HttpServerOptions http;
  http.address = http_address_;
  http.server = options_;
  http.is_urgent = [](const HttpRequest& request) {
    return is_operations_request(request) || GrpcServer::is_health_call(request);
  };
  http.is_routine = [](const HttpRequest& request) {
    return is_operations_request(request) || is_page_file(request);
  };
  if (!options_.grpc.empty()) http.more_addresses.push_back(parse_address(options_.grpc));
  http.guard = [this](const HttpRequest& head) { return judge(head); };
  http.refusal = [this](const HttpRequest& head, const Error& error) {
    return refuse(head, error);
  };
  http.memory = memory_;
  http.streamed = grpc_->service();
  http_ = std::make_unique<HttpServer>(
      http,
      [this](std::shared_ptr<const HttpRequest> request, Respond respond) {
        handle(std::move(request), std::move(respond));
      },
      *threads_, grpc_context_->access_log);
  add_metrics();
  http_->start();
}

void Server::add_metrics() {
  add_process_metrics(metrics_);
  // Until operations_routes() has it, which knows when the model is there.
  metrics_.gauge("nestvec_ready", kReadyHelp, [] { return 0.0; });
  metrics_.gauge("nestvec_load_progress",
                 "Share of the model's compilation that is done; 1 once the model is loaded.",
                 [this] { return open_ ? 1.0 : load_.share(); });
  metrics_.gauge("nestvec_connections", "Open connections, of HTTP and of gRPC.",
                 [this] { return static_cast<double>(http_->connections()); });
  metrics_.counter_of("nestvec_refused_connections_total",
                      "Connections closed at once: server.max_connections was reached.",
                      [this] { return static_cast<double>(http_->refused_connections()); });
  metrics_.counter_of("nestvec_displaced_connections_total",
                      "Connections closed for one of a client that had fewer: "
                      "server.max_connections was reached.",
                      [this] { return static_cast<double>(http_->displaced_connections()); });
  metrics_.counter_of("nestvec_log_lines_lost_total",
                      "Log lines that were dropped: nobody read them, or the disk was full.",
                      [this] { return static_cast<double>(log_.lost_lines()); });
  const auto bytes = [](std::size_t count) { return static_cast<double>(count); };
  metrics_.gauge("nestvec_request_memory_limit_bytes",
                 "Limit of the memory that requests hold: server.request_memory.",
                 [this, bytes] { return bytes(memory_->limit()); });
  metrics_.gauge("nestvec_request_memory_bytes",
                 "Memory that requests hold, from their bodies to their unsent answers.",
                 [this, bytes] { return bytes(memory_->used()); });
  metrics_.gauge("nestvec_request_memory_peak_bytes", "Peak of the memory that requests held.",
                 [this, bytes] { return bytes(memory_->peak()); });
  metrics_.counter_of("nestvec_request_memory_refused_total",
                      "Bodies, texts and answers for which there was no request memory.",
                      [this] { return static_cast<double>(memory_->refusals()); });
}

SpanSink Server::span_sink() const {
  if (!spans_) return {};
  return [spans = spans_.get()](RequestSpan span) { spans->add(std::move(span)); };
}

Server::~Server() {
  grpc_->drain();
  http_->stop_accepting();
  {
    // Handlers that run end; those that still wait for a thread find the gate closed.
    const std::unique_lock lock(gate_);
    open_ = false;
  }
  http_.reset();  // not before: /metrics asks it how many connections there are
  // Calls that the model has not ended are ended by it. They answer on the request threads, which
  // still ask the model what it is.
  if (opened_) {
    opened_->admin.reset();
    for (const ServedModels::Lease& served : opened_->models.all()) served->model.shut_down();
  }
  trimmer_.reset();
  timer_.reset();
  threads_.reset();
  grpc_.reset();  // its calls have ended
}

void Server::handle(std::shared_ptr<const HttpRequest> request, Respond respond) {
  const std::shared_lock lock(gate_);
  if (open_) return opened_->router->handle(std::move(request), std::move(respond));
  respond(say_loading(*request));
}

HttpResponse Server::say_loading(const HttpRequest& request) const {
  std::optional<HttpResponse> clarifai = rest_->answer_while_loading(request, keys_);
  return clarifai ? *std::move(clarifai) : answer_while_loading(request, load_, metrics_);
}

// Like refuse() without the gate: what is there once stays until all threads that ask have ended.
HeadVerdict Server::judge(const HttpRequest& head) {
  if (open_) return opened_->router->judge(head);
  return {.refusal = say_loading(head)};
}

HttpResponse Server::refuse(const HttpRequest& head, const Error& error) {
  return open_ ? opened_->router->refuse(head, error) : say_loading(head);
}

void Server::open(Model model, std::uint64_t request_memory) {
  std::vector<NamedModel> models;
  models.push_back({std::move(model)});
  open(std::move(models), request_memory);
}

void Server::open(std::vector<NamedModel> models, std::uint64_t request_memory,
                  ModelLoader loader) {
  if (request_memory > 0) memory_->set_limit(request_memory);
  opened_ = std::make_unique<Opened>(std::move(models), *this, std::move(loader));
  opened_->root->service.ready = true;
  clarifai_->open(opened_->root->service);
  grpc_->open(opened_->root->service);
  const std::unique_lock lock(gate_);
  open_ = true;
}

std::string Server::addresses() const {
  const bool tls = !options_.tls_certificate.empty();
  std::string text = address_text(tls ? "https" : "http", http_address_, http_->port());
  if (http_address_.unix_path.empty()) text += parse_path_prefix(options_.path_prefix);
  if (!options_.grpc.empty()) {
    text +=
        " " + address_text(tls ? "grpcs" : "grpc", parse_address(options_.grpc), http_->port(1));
  }
  return text;
}

void Server::reload() {
  try {
    load_keys();
    log_.message(LogLevel::kInfo, "SIGHUP: reloaded the API keys");
  } catch (const Error& error) {
    log_.message(LogLevel::kError,
                 std::string("SIGHUP: ") + error.what() + "; the old API keys stay in use");
  }
  if (options_.tls_certificate.empty()) return;
  try {
    http_->reload_tls();
    log_.message(LogLevel::kInfo, "SIGHUP: reloaded the TLS certificate");
  } catch (const Error& error) {
    log_.message(LogLevel::kError, std::string("SIGHUP: ") + error.what() +
                                       "; the old TLS certificate and key stay in use");
  }
}

bool Server::drain() {
  const auto deadline =
      std::chrono::steady_clock::now() + std::chrono::seconds(options_.grace_seconds);
  if (opened_) opened_->root->service.draining = true;
  grpc_->drain();
  const bool all = http_->drain(deadline);
  return grpc_->wait_for_calls(deadline) && all;
}

}  // namespace nestvec
