// SPDX-License-Identifier: Apache-2.0
// What the connections of an HTTP server have in common.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <utility>

#include "base/live_count.h"
#include "http/splice.h"
#include "nestvec/config.h"
#include "observe/log.h"
#include "service/http_message.h"
#include "service/request_threads.h"

namespace nestvec {

// What all connections of a server share.
struct HttpShared {
  HttpShared(ServerOptions server_options, HttpHandler http_handler, RequestThreads& pool)
      : options(std::move(server_options)), handler(std::move(http_handler)), threads(pool) {}

  const ServerOptions options;
  const HttpHandler handler;
  RequestThreads& threads;
  RequestThreads* urgent_threads = nullptr;  // for what is_urgent says; lives as long as the loops
  std::function<bool(const HttpRequest&)> is_urgent;
  AccessLog access_log;          // may be empty
  Http2Upstream http2_upstream;  // may be empty
  std::atomic<bool> draining{false};
  std::atomic<std::uint64_t> last_connection{0};
  std::atomic<std::uint64_t> refused{0};  // connections over the limit
  LiveCount connections;
  LiveCount unfinished;  // connections that may still have something to be answered
};

}  // namespace nestvec
