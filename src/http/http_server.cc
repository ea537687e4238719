// SPDX-License-Identifier: Apache-2.0
#include "http/http_server.h"

#include <sys/socket.h>

#include <algorithm>
#include <exception>
#include <future>
#include <optional>
#include <utility>
#include <vector>

#include "http/acceptor.h"
#include "http/head_memory.h"
#include "http/http_connection.h"
#include "http/http_fault.h"
#include "http/io_loop.h"
#include "http/response_head.h"
#include "http/tls_context.h"
#include "nestvec/error.h"
#include "service/caller.h"
#include "service/request_memory.h"

namespace nestvec {
namespace {

std::unique_ptr<TlsContext> make_tls(const HttpServerOptions& options) {
  const ServerOptions& server = options.server;
  if (server.tls_certificate.empty() && server.tls_key.empty()) return nullptr;
  if (server.tls_certificate.empty() || server.tls_key.empty()) {
    throw Error(ErrorCode::kInvalidArgument,
                "server.tls_certificate and server.tls_key: expected both or neither");
  }
  return std::make_unique<TlsContext>(server.tls_certificate, server.tls_key);
}

std::shared_ptr<HttpShared> make_shared_state(const HttpServerOptions& options, HttpHandler handler,
                                              RequestThreads& threads, AccessLog access_log) {
  auto shared = std::make_shared<HttpShared>(options.server, std::move(handler), threads);
  shared->access_log = std::move(access_log);
  shared->guard = options.guard;
  shared->refusal = options.refusal;
  shared->memory = options.memory;
  if (options.memory) {
    shared->reserve =
        std::make_shared<MemoryAccount>(options.memory->option(), RequestMemory::kReserve);
  }
  shared->streamed = options.streamed;
  return shared;
}

}  // namespace

class HttpServer::Impl {
 public:
  Impl(const HttpServerOptions& options, HttpHandler handler, RequestThreads& threads,
       AccessLog access_log)
      : shared_(make_shared_state(options, std::move(handler), threads, std::move(access_log))),
        tls_(make_tls(options)),
        urgent_threads_(1, kMostUrgent),
        loops_(make_loops(options.io_threads)) {
    listen(options.address, options.unix_mode);
    for (const Address& address : options.more_addresses) listen(address, options.unix_mode);
    shared_->urgent_threads = &urgent_threads_;
    shared_->is_urgent = options.is_urgent;
    shared_->is_routine = options.is_routine;
  }

  ~Impl() {
    stop_accepting();
    for (const auto& loop : loops_) loop->stop();
  }

  void start() {
    loops_.front()->set_repair([this] {
      for (const auto& acceptor : acceptors_) acceptor->repair();
    });
    for (const auto& acceptor : acceptors_) acceptor->start();
    for (const auto& loop : loops_) {
      loop->set_on_tick([this](Peer::Clock::time_point now) { resume_waiting(shared_, now); });
      loop->start();
      started_ = true;  // the first loop runs, on which the acceptors are closed
    }
  }

  void stop_accepting() {
    if (shared_->draining.exchange(true)) return;
    if (started_) {
      std::promise<void> closed;
      loops_.front()->post([&] {
        for (const auto& acceptor : acceptors_) acceptor->close();
        closed.set_value();
      });
      closed.get_future().wait();
    }
    for (const auto& loop : loops_) {
      loop->post([loop = loop.get()] { loop->drain(); });
    }
  }

  bool drain(std::chrono::steady_clock::time_point deadline) {
    stop_accepting();
    if (shared_->unfinished.wait_for_none(deadline)) return true;
    for (const auto& loop : loops_) {
      loop->post([loop = loop.get()] { loop->end_grace(); });
    }
    constexpr std::chrono::seconds kLastWords{1};
    shared_->seats.wait_for_none(Peer::Clock::now() + kLastWords);
    return false;
  }

  void reload_tls() {
    if (tls_) tls_->reload();
  }

  std::uint16_t port(std::size_t address) const { return ports_.at(address); }
  const HttpShared& shared() const { return *shared_; }

 private:
  using Loops = std::vector<std::shared_ptr<IoLoop>>;
  static constexpr std::size_t kMostUrgent = 1024;

  static Loops make_loops(std::size_t count) {
    Loops loops(std::max<std::size_t>(1, count));
    for (auto& loop : loops) loop = std::make_shared<IoLoop>();
    return loops;
  }

  // An address; localhost is one of each version of IP, on the same port.
  void listen(const Address& address, unsigned unix_mode) {
    const std::size_t first = acceptors_.size();
    if (address.host == "localhost") {
      listen_locally(address, unix_mode);
    } else {
      accept_at(address, unix_mode);
    }
    ports_.push_back(acceptors_[first]->port());
  }

  void listen_locally(const Address& address, unsigned unix_mode) {
    constexpr int kAttempts = 16;
    const std::size_t first = acceptors_.size();
    for (int attempt = 1;; ++attempt) {
      try {
        return accept_locally(address, unix_mode);
      } catch (const Error& error) {
        // The port that the system chose for one version may be taken in the other.
        acceptors_.resize(first);
        const bool again = address.port == 0 && error.code() == ErrorCode::kAlreadyExists;
        if (!again || attempt == kAttempts) throw;
      }
    }
  }

  void accept_locally(Address address, unsigned unix_mode) {
    const std::size_t first = acceptors_.size();
    std::optional<Error> missing;
    for (const char* host : {"127.0.0.1", "::1"}) {
      address.host = host;
      try {
        accept_at(address, unix_mode);
        address.port = acceptors_.back()->port();
      } catch (const Error& error) {
        // A machine may have one version only; another program on the other is a mistake.
        if (error.code() == ErrorCode::kAlreadyExists) throw;
        if (!missing) missing = error;
      }
    }
    if (acceptors_.size() == first) throw *missing;
  }

  void accept_at(const Address& address, unsigned unix_mode) {
    acceptors_.push_back(std::make_unique<Acceptor>(
        *loops_.front(), address, unix_mode,
        [this](Listener::Accepted accepted) { take(std::move(accepted)); }));
  }

  // A new connection, on the first loop.
  void take(Listener::Accepted accepted) {
    const auto loop = loops_[next_loop_++ % loops_.size()];
    const auto connection = std::make_shared<NewConnection>();
    connection->unfinished = LiveCount::Share(shared_->unfinished);
    connection->client = client_name(accepted.peer);
    connection->number = ++shared_->last_connection;
    connection->address = client_number_of_peer(connection->client, connection->number);
    connection->account = MemoryAccount::of_client(shared_->memory, connection->address);
    connection->memory = MemoryShare(connection->account);
    const std::size_t bytes = RequestMemory::kConnection + (tls_ ? RequestMemory::kTls : 0);
    if (!take_head(*shared_, connection->memory, bytes + RequestMemory::kHead,
                   connection->address)) {
      return refuse(accepted.socket,
                    "no memory for another connection of this client: server.request_memory");
    }
    connection->memory.shrink(bytes);  // its first head takes the rest at once
    auto seat = shared_->seats.take(connection->address, Peer::Clock::now());
    if (!seat) {
      ++shared_->refused;
      return refuse(accepted.socket, "too many connections: server.max_connections");
    }
    connection->seat = *std::move(seat);
    SslPtr tls = tls_ ? tls_->new_session(accepted.socket.get()) : nullptr;
    connection->transport =
        std::make_unique<Transport>(loop->context(), std::move(accepted.socket), std::move(tls));
    if (loop == loops_.front()) {
      return HttpConnection::start(loop, shared_, std::move(*connection));
    }
    loop->post([loop, shared = shared_, connection] {
      HttpConnection::start(loop, shared, std::move(*connection));
    });
  }

  void refuse(const FileDescriptor& socket, std::string message) const {
    if (tls_) return;
    const HttpResponse response = fault_response({503, std::move(message)});
    const std::string answer =
        response_head(response, {.http10 = false, .close = true, .date = {}, .request_id = {}}) +
        response.body;
    // The buffer of a new socket has room; a client that is gone needs none.
    [[maybe_unused]] const auto sent =
        ::send(socket.get(), answer.data(), answer.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  }

  const std::shared_ptr<HttpShared> shared_;
  const std::unique_ptr<TlsContext> tls_;
  RequestThreads urgent_threads_;
  const Loops loops_;
  std::size_t next_loop_ = 0;
  std::atomic<bool> started_{false};
  std::vector<std::unique_ptr<Acceptor>> acceptors_;
  std::vector<std::uint16_t> ports_;  // of each address
};

HttpServer::HttpServer(const HttpServerOptions& options, HttpHandler handler,
                       RequestThreads& threads, AccessLog access_log)
    : impl_(std::make_unique<Impl>(options, std::move(handler), threads, std::move(access_log))) {}
HttpServer::~HttpServer() = default;

void HttpServer::start() { impl_->start(); }
std::uint16_t HttpServer::port(std::size_t address) const { return impl_->port(address); }
void HttpServer::stop_accepting() { impl_->stop_accepting(); }
bool HttpServer::drain(std::chrono::steady_clock::time_point deadline) {
  return impl_->drain(deadline);
}
void HttpServer::reload_tls() { impl_->reload_tls(); }
std::size_t HttpServer::connections() const { return impl_->shared().seats.count(); }
std::uint64_t HttpServer::refused_connections() const { return impl_->shared().refused; }
std::uint64_t HttpServer::displaced_connections() const { return impl_->shared().seats.given_up(); }

}  // namespace nestvec
