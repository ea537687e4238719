// SPDX-License-Identifier: Apache-2.0
// The transport, HTTP/1 and HTTP/2: sockets, TLS, limits, timeouts; hands requests to a handler.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "base/address.h"
#include "base/memory_account.h"
#include "config/server_config.h"
#include "http/streamed.h"
#include "observe/log.h"
#include "service/head_guard.h"
#include "service/http_message.h"
#include "service/request_threads.h"

namespace nestvec {

struct HttpServerOptions {
  Address address;
  // Of these: TLS files, max_body_bytes (as sent, and again after Content-Encoding),
  // max_connections, header_seconds, idle_seconds.
  ServerOptions server;
  std::vector<Address> more_addresses;  // that answer the same
  HeadGuard guard;                      // empty = every body is read
  HeadRefusal refusal;                  // empty = in OpenAI's form
  // Charged for what connections, bodies, the work on them and answers take; none = not counted.
  std::shared_ptr<MemoryAccount> memory;
  StreamedService streamed;  // is asked first about each request of HTTP/2; may be empty
  // Requests that are answered by a thread of their own, at once, whatever the others are busy
  // with and whatever memory their client has: those of which it says true, also of `streamed`
  // ones. Their handler must be short; their bodies are not decoded. Empty = none.
  std::function<bool(const HttpRequest&)> is_urgent;
  // Requests that the log has for the sake of debugging only: probes, files of the pages.
  std::function<bool(const HttpRequest&)> is_routine;
  std::size_t io_threads = 1;
  unsigned unix_mode = 0660;  // of a Unix socket
};

// Answers HTTP/1.0, 1.1 and 2 on its addresses, all of them alike: keep-alive, pipelining (requests
// of a connection are answered one after the other), chunked bodies, Expect: 100-continue, gzip,
// deflate and zstd bodies, HEAD for every GET. Answers to GET that shrink are sent as zstd or gzip
// where the client takes it; vectors, which answer POST, are not: they hardly shrink, and it would
// cost more than to compute them.
//
// What is wrong with a request as such is answered here: 400, 408, 413, 415, 417, 431, 501, 503,
// 505. Connections over max_connections take the place of an idle one of the client that has most,
// or get 503 and are closed. A client must send a head within header_seconds of its first byte, and
// bodies, as it must take answers, without a pause of idle_seconds and at 1 KiB a second beyond the
// first idle_seconds; while memory is short, where it holds over 64 KiB, of 5 seconds and at 64 KiB
// a second.
//
// A body is read when the guard has seen its head and the account has memory for it: a promised
// length is taken whole, or waited for and then refused with 503; a body in chunks takes as it
// grows, and is refused when it cannot. An answer that is given before the body is there is the
// last of its connection, unless the body is short: then that is read and dropped.
//
// A client that closes its connection while a request is answered has HttpRequest::stop requested,
// within a second; one that only closes its sending side is answered. To tell them apart it is sent
// "100 Continue". All functions are safe for concurrent use.
class HttpServer {
 public:
  // Listens, but takes no connection before start(). `handler` runs on `threads` and, for urgent
  // requests, on one of the server's own; `threads` and the handler, and what
  // the handler uses, must outlive the server and all requests that it gave to them. `access_log`
  // is called on the threads of the sockets. Throws Error naming the address (kAlreadyExists,
  // kPermissionDenied, kNotFound, kInvalidArgument, kUnavailable) or a TLS file (kNotFound,
  // kInvalidArgument).
  HttpServer(const HttpServerOptions& options, HttpHandler handler, RequestThreads& threads,
             AccessLog access_log = {});
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;
  // Closes every connection, also those of requests that are being answered; their stop tokens are
  // requested, and answers that come later are dropped.
  ~HttpServer();

  // Once. Throws Error kResourceExhausted where a thread cannot be started.
  void start();

  // The TCP port it listens on, of the first address or another; 0 for a Unix socket.
  std::uint16_t port(std::size_t address = 0) const;

  // Takes the connections that wait already, then no more. From now on each answer is the last of
  // its connection, and idle connections are closed, after a moment for what their clients may just
  // have sent. Blocks until nothing listens any more.
  void stop_accepting();

  // stop_accepting(), then blocks until every request that was begun is answered and its answer is
  // written, or until `deadline`. Returns whether all are. Those that are not are refused then,
  // with 503 or, of gRPC, UNAVAILABLE, for which it blocks a second more at most.
  bool drain(std::chrono::steady_clock::time_point deadline);

  // Reads certificate and key again, for new connections. Without TLS it does nothing. Throws as
  // the constructor; the old ones then stay.
  void reload_tls();

  std::size_t connections() const;              // open now
  std::uint64_t refused_connections() const;    // closed at once for max_connections
  std::uint64_t displaced_connections() const;  // closed for others of whom fewer are open

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace nestvec
