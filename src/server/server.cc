// SPDX-License-Identifier: Apache-2.0
#include "server/server.h"

#include <algorithm>
#include <chrono>
#include <future>
#include <iterator>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "dialects/clarifai/clarifai.h"
#include "dialects/clarifai/clarifai_rest.h"
#include "dialects/dialects.h"
#include "grpc/grpc_server.h"
#include "nestvec/version.h"
#include "server/key_file.h"
#include "service/loading.h"
#include "service/operations.h"
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
  Opened(Model loaded, Server& server, Executor post, Timer after)
      : model(std::move(loaded)),
        service{.model = model,
                .options = server.options_,
                .metrics = server.metrics_,
                .post = std::move(post),
                .version = kVersion,
                .after = std::move(after),
                .spans = server.span_sink(),
                .local = is_local(server.options_)},
        router(service, server.keys_, routes(service, *server.rest_)) {}

  static std::vector<Route> routes(const Service& service, const ClarifaiRest& rest) {
    // These first: what is nowhere below /v2 is told as Clarifai tells it.
    std::vector<Route> all = rest.routes();
    std::ranges::move(all_routes(service), std::back_inserter(all));
    return all;
  }

  Model model;
  Service service;
  Router router;
};

Server::Server(const ServerOptions& options, Log& log, ModelIdentity identity, AccessLog access_log,
               std::size_t request_threads)
    : options_(options),
      log_(log),
      http_address_(parse_address(options.http)),
      timer_(std::make_unique<TimerThread>()),
      threads_(std::make_unique<RequestThreads>(std::max(request_threads, kRequestThreads))),
      clarifai_(std::make_unique<Clarifai>(std::move(identity))),
      rest_(std::make_unique<ClarifaiRest>(*clarifai_)),
      grpc_context_(std::make_unique<GrpcContext>(options, metrics_, keys_, *clarifai_,
                                                  std::move(access_log))) {
  check_tls_pair(options);
  load_keys();
  if (!options.otlp_endpoint.empty()) {
    spans_ = std::make_unique<SpanExporter>(options.otlp_endpoint, kVersion, metrics_, log_);
    grpc_context_->spans = span_sink();
  }
  grpc_context_->begin = [this](std::function<void()> work) {
    return threads_->try_post(std::move(work));
  };
  grpc_context_->post = [this](std::function<void()> work) { threads_->post(std::move(work)); };
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
  http.is_urgent = &is_operations_request;
  if (!options_.grpc.empty()) http.more_addresses.push_back(parse_address(options_.grpc));
  http.guard = [this](const HttpRequest& head) { return judge(head); };
  http.streamed = grpc_->service();
  http_ = std::make_unique<HttpServer>(
      http,
      [this](std::shared_ptr<const HttpRequest> request, Respond respond) {
        handle(std::move(request), std::move(respond));
      },
      *threads_, grpc_context_->access_log);
  metrics_.gauge("nestvec_connections", "Open connections, of HTTP and of gRPC.",
                 [this] { return static_cast<double>(http_->connections()); });
  metrics_.counter_of("nestvec_refused_connections_total",
                      "Connections closed at once: there were server.max_connections.",
                      [this] { return static_cast<double>(http_->refused_connections()); });
  metrics_.counter_of("nestvec_log_lines_lost_total",
                      "Lines of the log that could not be written: nobody read them, or the disk "
                      "was full.",
                      [this] { return static_cast<double>(log_.lost_lines()); });
  http_->start();
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
  if (opened_) opened_->model.shut_down();
  timer_.reset();
  threads_.reset();
  grpc_.reset();  // its calls have ended
}

void Server::handle(std::shared_ptr<const HttpRequest> request, Respond respond) {
  const std::shared_lock lock(gate_);
  if (open_) return opened_->router.handle(std::move(request), std::move(respond));
  std::optional<HttpResponse> clarifai = rest_->answer_while_loading(*request, keys_);
  respond(clarifai ? *std::move(clarifai) : answer_while_loading(*request));
}

std::optional<HttpResponse> Server::judge(const HttpRequest& head) {
  const std::shared_lock lock(gate_);
  if (!open_) return std::nullopt;
  const Router& router = opened_->router;
  bool known = false;
  for (const Route& route : router.routes()) {
    if (!match_path(route.path, head.path)) continue;
    if (route.open) return std::nullopt;
    known = true;
  }
  try {
    require_key(head, keys_);
    if (known) return std::nullopt;
  } catch (const Error&) {
    // The router tells it in the form of the route.
  }
  const auto answer = std::make_shared<std::promise<HttpResponse>>();
  std::future<HttpResponse> told = answer->get_future();
  router.handle(std::make_shared<const HttpRequest>(head),
                [answer](HttpResponse response) { answer->set_value(std::move(response)); });
  // Such an answer comes at once, unless the keys have changed since.
  if (told.wait_for(std::chrono::seconds(0)) != std::future_status::ready) return std::nullopt;
  return told.get();
}

void Server::open(Model model) {
  model.observe_batches(batch_metrics(metrics_));
  opened_ = std::make_unique<Opened>(
      std::move(model), *this,
      [threads = threads_.get()](std::function<void()> work) { threads->post(std::move(work)); },
      [timer = timer_.get()](std::chrono::milliseconds wait, std::function<void()> work) {
        return timer->after(wait, std::move(work));
      });
  opened_->model.predict("The first text is for the server itself.");
  opened_->service.ready = true;
  clarifai_->open(opened_->service);
  grpc_->open(opened_->service);
  const std::unique_lock lock(gate_);
  open_ = true;
}

std::string Server::addresses() const {
  const bool tls = !options_.tls_certificate.empty();
  std::string text = address_text(tls ? "https" : "http", http_address_, http_->port());
  if (!options_.grpc.empty()) {
    text +=
        " " + address_text(tls ? "grpcs" : "grpc", parse_address(options_.grpc), http_->port(1));
  }
  return text;
}

void Server::reload() {
  try {
    load_keys();
    log_.message(LogLevel::kInfo, "SIGHUP: API keys were read again");
  } catch (const Error& error) {
    log_.message(LogLevel::kError,
                 std::string("SIGHUP: ") + error.what() + "; the API keys of before are kept");
  }
  if (options_.tls_certificate.empty()) return;
  try {
    http_->reload_tls();
    log_.message(LogLevel::kInfo, "SIGHUP: the TLS certificate was read again");
  } catch (const Error& error) {
    log_.message(LogLevel::kError, std::string("SIGHUP: ") + error.what() +
                                       "; the TLS certificate and key of before are kept");
  }
}

bool Server::drain() {
  const auto deadline =
      std::chrono::steady_clock::now() + std::chrono::seconds(options_.grace_seconds);
  if (opened_) opened_->service.draining = true;
  grpc_->drain();
  const bool all = http_->drain(deadline);
  return grpc_->wait_for_calls(deadline) && all;
}

}  // namespace nestvec
