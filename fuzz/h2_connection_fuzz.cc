// SPDX-License-Identifier: Apache-2.0
// Any bytes behind HTTP/2's preface: the server ends the connection, and goes on answering others.
#include <sys/socket.h>
#include <sys/time.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>

#include "base/socket_address.h"
#include "dialects/clarifai/clarifai.h"
#include "grpc/grpc_server.h"
#include "http/h2_connection.h"
#include "http/http_server.h"
#include "service/request_threads.h"

namespace {

void expect(bool condition) {
  if (!condition) std::abort();
}

// The whole transport, and gRPC without a model.
class Served {
 public:
  Served() {
    context_.begin = [this](std::function<void()> work, nestvec::RequestTurn turn) {
      return threads_.try_post(std::move(work), turn);
    };
    context_.go_on = [this](std::function<void()> work, nestvec::RequestTurn turn) {
      threads_.post(std::move(work), turn);
    };
    nestvec::HttpServerOptions options;
    options.address.host = "127.0.0.1";
    options.server = options_;
    options.streamed = grpc_.service();
    http_.emplace(
        options,
        [](const std::shared_ptr<const nestvec::HttpRequest>& request,
           const nestvec::Respond& respond) {
          respond({.status = 200, .headers = {}, .body = request->path + request->body});
        },
        threads_);
    http_->start();
  }

  // What it answers until it ends the connection.
  std::string ask(std::string_view bytes) const {
    const nestvec::SocketAddress target =
        nestvec::resolve({"127.0.0.1", http_->port(), ""}).front();
    const nestvec::FileDescriptor socket(::socket(target.family(), SOCK_STREAM, 0));
    expect(::connect(socket.get(), target.data(), target.size) == 0);
    const timeval limit{60, 0};
    ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    while (!bytes.empty()) {
      const ssize_t sent = ::send(socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) break;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    ::shutdown(socket.get(), SHUT_WR);
    std::string answer;
    std::array<char, 4096> piece;
    for (;;) {
      const ssize_t got = ::recv(socket.get(), piece.data(), piece.size(), 0);
      expect(got >= 0 || errno == ECONNRESET);
      if (got <= 0) return answer;
      answer.append(piece.data(), static_cast<std::size_t>(got));
    }
  }

 private:
  static nestvec::ServerOptions small_bodies() {
    nestvec::ServerOptions options;
    options.max_body_bytes = 4096;
    return options;
  }

  nestvec::ServerOptions options_ = small_bodies();
  nestvec::Metrics metrics_;
  nestvec::KeyStore keys_;
  nestvec::Clarifai clarifai_{{.id = "m", .user_id = "u", .app_id = "a"}};
  nestvec::GrpcContext context_{options_, metrics_, keys_, clarifai_, {}};
  nestvec::GrpcServer grpc_{context_};
  nestvec::RequestThreads threads_{1};
  std::optional<nestvec::HttpServer> http_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Served served;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  served.ask(std::string(nestvec::kHttp2Preface).append(bytes));
  static int count = 0;
  if (++count % 64 == 0) {
    // Behind a client that has closed its side there may be a 100 Continue first.
    expect(served.ask("GET /there HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
               .find("HTTP/1.1 200 OK") != std::string::npos);
  }
  return 0;
}
