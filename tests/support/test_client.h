// SPDX-License-Identifier: Apache-2.0
// For tests: a blocking client that sends bytes as they are, and a server to send them to.
#pragma once

#include <openssl/ssl.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/file.h"
#include "http/http_server.h"
#include "http/tls_context.h"

namespace nestvec {

// Waits at most ten seconds for bytes; then the test fails.
class TestClient {
 public:
  struct Response {
    int status = 0;
    std::map<std::string, std::string> headers;  // names in lower case
    std::string body;
  };

  explicit TestClient(std::uint16_t port);
  explicit TestClient(const std::string& unix_path);

  // The handshake, any certificate; false where it fails. `alpn` in its wire form.
  bool start_tls(std::string_view alpn = {});
  // The same in TLS 1.2 with these ciphers, as OpenSSL writes them.
  bool start_tls12(const std::string& ciphers);
  SSL* tls() const { return tls_.get(); }

  // False when the server does not take it any more.
  bool send(std::string_view bytes);
  // The next answer; nullopt when the connection ends before it does.
  std::optional<Response> response(bool to_head = false);
  Response ask(std::string_view request);
  // The next so many bytes; nullopt when the connection ends before.
  std::optional<std::string> bytes(std::size_t count);
  // All that comes until the connection ends.
  std::string rest();
  // Whether the server closes within so long, without sending anything.
  bool is_closed_within(std::chrono::milliseconds time);
  void shutdown_write();
  void close();

 private:
  bool receive();
  std::optional<std::string> line();

  std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)> context_{nullptr, &SSL_CTX_free};
  FileDescriptor socket_;
  SslPtr tls_;
  std::string buffer_;
};

// Answers "METHOD PATH?QUERY BODY", after the milliseconds of a path "/wait/MS".
void echo(const std::shared_ptr<const HttpRequest>& request, const Respond& respond);

HttpServerOptions local_options();

// Started, on a free port of 127.0.0.1 unless told otherwise.
class TestServer {
 public:
  explicit TestServer(const HttpServerOptions& options = local_options(),
                      HttpHandler handler = &echo);

  TestClient client() { return TestClient(server->port()); }
  // Waits for so many lines.
  std::vector<AccessRecord> access_log(std::size_t lines);

 private:
  RequestThreads threads_{4};
  std::mutex mutex_;  // guards records_
  std::vector<AccessRecord> records_;

 public:
  std::optional<HttpServer> server;  // reset() ends it before the threads
};

// "POST PATH HTTP/1.1" with a Host, a Content-Length and further header lines.
std::string post(std::string_view path, std::string_view body, std::string_view headers = {});
std::string get(std::string_view path, std::string_view headers = {});

// Calls `met` until it says true, for a minute at most.
template <class Condition>
bool eventually(Condition met) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(1);
  while (!met()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

}  // namespace nestvec
