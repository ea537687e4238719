// SPDX-License-Identifier: Apache-2.0
#include "grpc/grpc_server.h"

#include <google/protobuf/stubs/logging.h>
#include <grpc/grpc.h>
#include <grpc/support/log.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/resource_quota.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <limits>
#include <mutex>
#include <stop_token>
#include <thread>
#include <utility>

#include "base/environment.h"
#include "base/socket_address.h"
#include "grpc/grpc_credentials.h"
#include "grpc/grpc_peer.h"
#include "http/listener.h"

namespace nestvec {
namespace {

constexpr std::array kServiceNames = {"tei.v1.Info", "tei.v1.Embed", "tei.v1.Tokenize",
                                      "clarifai.api.V2"};

int clamp_to_int(std::uint64_t value) {
  return static_cast<int>(
      std::min<std::uint64_t>(value, static_cast<std::uint64_t>(std::numeric_limits<int>::max())));
}

// Why nothing can listen there. gRPC knows, but tells only its log; a listener of our own says it.
[[noreturn]] void throw_listen_failure(const Address& address) {
  const Listener free_after_all(address, S_IRUSR | S_IWUSR);
  throw Error(ErrorCode::kUnavailable, "gRPC cannot listen on " + to_string(address));
}

void limit_connections(const ServerOptions& options, grpc::ServerBuilder& builder) {
  constexpr int kSecond = 1000;
  const auto milliseconds = [](std::size_t seconds) { return clamp_to_int(seconds * kSecond); };
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, 1024);
  builder.AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS,
                             milliseconds(options.header_seconds));
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_IDLE_MS, milliseconds(options.idle_seconds));
  // A peer that is gone without a word must not hold a call for ever.
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, milliseconds(options.idle_seconds));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 20 * kSecond);
  // Clients may ping as often as their libraries like to.
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 5 * kSecond);
  builder.SetMaxReceiveMessageSize(clamp_to_int(options.max_body_bytes));
  builder.SetMaxSendMessageSize(-1);
}

// Reflection alone has methods that hold a thread.
void limit_threads(grpc::ServerBuilder& builder) {
  using Option = grpc::ServerBuilder::SyncServerOption;
  builder.SetSyncServerOption(Option::NUM_CQS, 1);
  builder.SetSyncServerOption(Option::MIN_POLLERS, 1);
  builder.SetSyncServerOption(Option::MAX_POLLERS, 1);
  constexpr int kMaxThreads = 16;
  builder.SetResourceQuota(grpc::ResourceQuota("nestvec").SetMaxThreads(kMaxThreads));
}

// What health answers for the server and for each of its services.
void set_serving(const grpc::Server& server, bool serving) {
  grpc::HealthCheckServiceInterface* health = server.GetHealthCheckService();
  health->SetServingStatus("", serving);
  for (const char* name : kServiceNames) health->SetServingStatus(name, serving);
}

// gRPC cancels calls that reach it between its shutdown and the moment their client knows of it.
// So clients with a call on its way, or one whose answer has just come, get this long to be refused
// in words that they can act on.
void await_late_calls(const LiveCount& calls, std::chrono::steady_clock::time_point deadline) {
  constexpr std::chrono::milliseconds kGrace{250};
  if (!calls.wait_for_none(deadline)) return;
  std::this_thread::sleep_until(std::min(deadline, std::chrono::steady_clock::now() + kGrace));
}

// Once no call of ours is open, ends those that are gRPC's own and would last as long as their
// clients: watchers of health, readers of reflection. Some may have come just before the end.
void end_watchers(const LiveCount& calls, grpc::Server& server,
                  std::chrono::steady_clock::time_point deadline, const std::stop_token& ended) {
  if (!calls.wait_for_none(deadline)) return;
  constexpr std::chrono::milliseconds kPause{20};
  while (!ended.stop_requested()) {
    grpc_server_cancel_all_calls(server.c_server());
    std::this_thread::sleep_for(kPause);
  }
}

// What gRPC thinks is wrong, and Protobuf of messages that clients send, goes to standard error,
// which is not theirs to write to.
void silence_logs() {
  google::protobuf::SetLogHandler(nullptr);
  const auto environment = process_environment();
  if (environment("GRPC_VERBOSITY") || environment("GRPC_TRACE")) return;
  gpr_set_log_function([](gpr_log_func_args*) {});
}

}  // namespace

struct GrpcServer::Parts {
  Parts(std::vector<Address> where, const TlsFiles& tls, GrpcContext& with)
      : addresses(std::move(where)),
        credentials(addresses.empty() ? nullptr : make_credentials(tls.certificate, tls.key)),
        context(with) {}

  std::vector<Address> addresses;
  std::shared_ptr<grpc::ServerCredentials> credentials;
  GrpcContext& context;
  GrpcServices services;
  std::unique_ptr<grpc::CallbackGenericService> others;
  std::vector<int> ports;
  std::mutex mutex;  // guards acceptor against the end
  std::unique_ptr<grpc::experimental::ExternalConnectionAcceptor> acceptor;  // until drain()
  std::once_flag drained;
  std::unique_ptr<grpc::Server> server;  // the first to go
};

GrpcServer::GrpcServer(std::vector<Address> addresses, const TlsFiles& tls, GrpcContext& context)
    : parts_(std::make_unique<Parts>(std::move(addresses), tls, context)) {
  parts_->services = make_tei_services(context);
  for (auto& clarifai : make_clarifai_services(context)) {
    parts_->services.push_back(std::move(clarifai));
  }
  parts_->others = make_other_methods(context);
}

GrpcServer::~GrpcServer() { drain(std::chrono::steady_clock::now()); }

void GrpcServer::start() {
  silence_logs();
  grpc::EnableDefaultHealthCheckService(true);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  grpc::ServerBuilder builder;
  limit_connections(parts_->context.options, builder);
  limit_threads(builder);
  for (const auto& service : parts_->services) builder.RegisterService(service.get());
  builder.RegisterCallbackGenericService(parts_->others.get());
  parts_->ports.resize(parts_->addresses.size());
  for (std::size_t i = 0; i < parts_->addresses.size(); ++i) {
    builder.AddListeningPort(to_string(parts_->addresses[i]), parts_->credentials,
                             &parts_->ports[i]);
  }
  parts_->acceptor = builder.experimental().AddExternalConnectionAcceptor(
      grpc::ServerBuilder::experimental_type::ExternalConnectionType::FROM_FD,
      grpc::InsecureServerCredentials());
  parts_->server = builder.BuildAndStart();
  for (std::size_t i = 0; i < parts_->addresses.size(); ++i) {
    if (parts_->server && parts_->ports[i] != 0) continue;
    throw_listen_failure(parts_->addresses[i]);
  }
  for (std::size_t i = 0; i < parts_->addresses.size(); ++i) {
    if (!parts_->addresses[i].unix_path.empty()) parts_->ports[i] = 0;  // gRPC says 1
  }
  set_serving(*parts_->server, false);
}

void GrpcServer::open(const Service& service) {
  parts_->context.service.emplace(service);
  set_serving(*parts_->server, true);
}

FileDescriptor GrpcServer::connect(const std::string& client) {
  SocketPair pair = make_grpc_peer(client, parts_->context.ids.next());
  const std::lock_guard lock(parts_->mutex);
  if (!parts_->acceptor) throw Error(ErrorCode::kUnavailable, "gRPC takes no more connections");
  grpc::experimental::ExternalConnectionAcceptor::NewConnectionParameters parameters;
  parameters.fd = pair.theirs.release();
  parts_->acceptor->HandleNewConnection(&parameters);
  return std::move(pair.ours);
}

std::span<const int> GrpcServer::ports() const { return parts_->ports; }

void GrpcServer::drain(std::chrono::steady_clock::time_point deadline) {
  if (!parts_->server) return;
  std::call_once(parts_->drained, [&] {
    parts_->server->GetHealthCheckService()->Shutdown();
    parts_->context.drain.request_stop();
    {
      const std::lock_guard lock(parts_->mutex);
      parts_->acceptor.reset();
    }
    await_late_calls(parts_->context.calls, deadline);
    const std::jthread watchers([this, deadline](const std::stop_token& ended) {
      end_watchers(parts_->context.calls, *parts_->server, deadline, ended);
    });
    const auto left = std::min<std::chrono::steady_clock::duration>(
        deadline - std::chrono::steady_clock::now(), std::chrono::hours(24));
    parts_->server->Shutdown(std::chrono::system_clock::now() +
                             std::chrono::duration_cast<std::chrono::system_clock::duration>(left));
  });
}

}  // namespace nestvec
