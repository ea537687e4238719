// SPDX-License-Identifier: Apache-2.0
#include "support/test_client.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <array>
#include <cstdlib>
#include <stdexcept>

#include "base/socket_address.h"

namespace nestvec {
namespace {

constexpr int kSeconds = 60;

FileDescriptor connect_to(const Address& address) {
  const SocketAddress target = resolve(address).front();
  FileDescriptor socket(::socket(target.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (::connect(socket.get(), target.data(), target.size) != 0) {
    throw std::runtime_error("cannot connect to " + to_string(address));
  }
  const timeval limit{kSeconds, 0};
  ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
  ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
  return socket;
}

}  // namespace

TestClient::TestClient(std::uint16_t port) : socket_(connect_to({"127.0.0.1", port, ""})) {}
TestClient::TestClient(const std::string& unix_path) : socket_(connect_to({"", 0, unix_path})) {}

bool TestClient::start_tls(std::string_view alpn) {
  context_.reset(SSL_CTX_new(TLS_client_method()));
  tls_.reset(SSL_new(context_.get()));
  SSL_set_fd(tls_.get(), socket_.get());
  if (!alpn.empty()) {
    SSL_set_alpn_protos(tls_.get(), reinterpret_cast<const unsigned char*>(alpn.data()),
                        static_cast<unsigned>(alpn.size()));
  }
  return SSL_connect(tls_.get()) == 1;
}

bool TestClient::start_tls12(const std::string& ciphers) {
  context_.reset(SSL_CTX_new(TLS_client_method()));
  SSL_CTX_set_max_proto_version(context_.get(), TLS1_2_VERSION);
  if (SSL_CTX_set_cipher_list(context_.get(), ciphers.c_str()) != 1) return false;
  tls_.reset(SSL_new(context_.get()));
  SSL_set_fd(tls_.get(), socket_.get());
  return SSL_connect(tls_.get()) == 1;
}

bool TestClient::send(std::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t sent = 0;
    if (tls_) {
      sent = SSL_write(tls_.get(), bytes.data(), static_cast<int>(bytes.size()));
    } else {
      sent = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    }
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

bool TestClient::receive() {
  std::array<char, std::size_t{64} << 10> piece;
  ssize_t got = 0;
  if (tls_) {
    got = SSL_read(tls_.get(), piece.data(), static_cast<int>(piece.size()));
  } else {
    got = ::recv(socket_.get(), piece.data(), piece.size(), 0);
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      throw std::runtime_error("the server is silent");
    }
  }
  if (got <= 0) return false;
  buffer_.append(piece.data(), static_cast<std::size_t>(got));
  return true;
}

std::optional<std::string> TestClient::line() {
  std::size_t end = 0;
  while ((end = buffer_.find("\r\n")) == std::string::npos) {
    if (!receive()) return std::nullopt;
  }
  std::string result = buffer_.substr(0, end);
  buffer_.erase(0, end + 2);
  return result;
}

std::optional<TestClient::Response> TestClient::response(bool to_head) {
  const std::optional<std::string> status = line();
  if (!status || status->size() < 12) return std::nullopt;
  Response response;
  response.status = std::atoi(status->c_str() + 9);
  for (;;) {
    const std::optional<std::string> header = line();
    if (!header) return std::nullopt;
    if (header->empty()) break;
    const std::size_t colon = header->find(": ");
    std::string name = header->substr(0, colon);
    for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    response.headers[name] = header->substr(colon + 2);
  }
  if (to_head || !response.headers.contains("content-length")) return response;
  const std::size_t length = std::stoul(response.headers["content-length"]);
  while (buffer_.size() < length) {
    if (!receive()) return std::nullopt;
  }
  response.body = buffer_.substr(0, length);
  buffer_.erase(0, length);
  return response;
}

TestClient::Response TestClient::ask(std::string_view request) {
  send(request);
  return response().value_or(Response{});
}

std::optional<std::string> TestClient::bytes(std::size_t count) {
  while (buffer_.size() < count) {
    if (!receive()) return std::nullopt;
  }
  std::string result = buffer_.substr(0, count);
  buffer_.erase(0, count);
  return result;
}

std::string TestClient::rest() {
  while (receive()) {
  }
  return std::exchange(buffer_, {});
}

bool TestClient::is_closed_within(std::chrono::milliseconds time) {
  pollfd state{socket_.get(), POLLIN, 0};
  if (::poll(&state, 1, static_cast<int>(time.count())) <= 0) return false;
  return !receive() && buffer_.empty();
}

void TestClient::shutdown_write() { ::shutdown(socket_.get(), SHUT_WR); }

void TestClient::close() {
  tls_.reset();
  socket_ = FileDescriptor();
}

void echo(const std::shared_ptr<const HttpRequest>& request, const Respond& respond) {
  constexpr std::string_view kWait = "/wait/";
  if (request->path.starts_with(kWait)) {
    const int time = std::atoi(request->path.c_str() + kWait.size());
    std::this_thread::sleep_for(std::chrono::milliseconds(time));
  }
  HttpResponse response;
  response.content_type = "text/plain";
  response.body = request->method + " " + request->path;
  if (!request->query.empty()) response.body += "?" + request->query;
  response.body += " " + request->body;
  respond(std::move(response));
}

HttpServerOptions local_options() {
  HttpServerOptions options;
  options.address.host = "127.0.0.1";
  return options;
}

TestServer::TestServer(const HttpServerOptions& options, HttpHandler handler) {
  server.emplace(options, std::move(handler), threads_, [this](const AccessRecord& record) {
    const std::lock_guard lock(mutex_);
    records_.push_back(record);
  });
  server->start();
}

std::vector<AccessRecord> TestServer::access_log(std::size_t lines) {
  eventually([&] {
    const std::lock_guard lock(mutex_);
    return records_.size() >= lines;
  });
  const std::lock_guard lock(mutex_);
  return records_;
}

std::string get(std::string_view path, std::string_view headers) {
  return "GET " + std::string(path) + " HTTP/1.1\r\nHost: localhost\r\n" + std::string(headers) +
         "\r\n";
}

std::string post(std::string_view path, std::string_view body, std::string_view headers) {
  return "POST " + std::string(path) +
         " HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
         std::string(headers) + "\r\n" + std::string(body);
}

}  // namespace nestvec
