// SPDX-License-Identifier: Apache-2.0
// What all connections of a server share, whatever their version of HTTP.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/live_count.h"
#include "http/http_reply.h"
#include "http/streamed.h"
#include "http/transport.h"
#include "nestvec/config.h"
#include "observe/log.h"
#include "service/head_guard.h"
#include "service/http_message.h"
#include "service/request_threads.h"

namespace nestvec {

// How long to wait for a client to take note of the end of its connection.
inline constexpr std::chrono::seconds kLinger{2};
// A drain waits so long for what clients may just have sent.
inline constexpr std::chrono::milliseconds kDrainGrace{250};

struct HttpShared {
  HttpShared(ServerOptions server_options, HttpHandler http_handler, RequestThreads& pool)
      : options(std::move(server_options)), handler(std::move(http_handler)), threads(pool) {}

  const ServerOptions options;
  const HttpHandler handler;
  RequestThreads& threads;
  RequestThreads* urgent_threads = nullptr;  // for what is_urgent says; lives as long as the loops
  std::function<bool(const HttpRequest&)> is_urgent;
  AccessLog access_log;      // may be empty
  HeadGuard guard;           // may be empty
  StreamedService streamed;  // of HTTP/2; may be empty
  std::atomic<bool> draining{false};
  std::atomic<std::uint64_t> last_connection{0};
  std::atomic<std::uint64_t> refused{0};  // connections over the limit
  LiveCount connections;
  LiveCount unfinished;  // connections that may still have something to be answered
};

// What the acceptor hands on. The shares count it from then on.
struct NewConnection {
  std::unique_ptr<Transport> transport;
  std::string client;  // for the log
  LiveCount::Share slot;
  LiveCount::Share unfinished;
};

// Has a request thread do what is left before the handler, and then the handler; one that is urgent
// goes to the thread in reserve. False when too many wait already.
bool post_request(const std::shared_ptr<HttpShared>& shared,
                  const std::shared_ptr<HttpRequest>& request,
                  const std::shared_ptr<HttpReply>& reply);

// A request that is whole: x-request-id of the client or `fresh_id`, and what the log is to have.
void begin_request(HttpRequest& request, std::string fresh_id, AccessRecord& record);

// x-nestvec-tokens of an answer.
std::optional<std::uint64_t> token_count(const HttpResponse& response);

// Slow is allowed, but not for ever: besides the pause that is allowed at any time, a transfer that
// began at `start` and has brought `bytes` so far, the last of them at `last`, has so long as a
// slow line needs.
std::chrono::steady_clock::time_point transfer_deadline(const ServerOptions& options,
                                                        std::chrono::steady_clock::time_point start,
                                                        std::chrono::steady_clock::time_point last,
                                                        std::uint64_t bytes);

}  // namespace nestvec
