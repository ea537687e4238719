// SPDX-License-Identifier: Apache-2.0
// A request and its answer as the dialects see them: no sockets here.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/memory_account.h"

namespace nestvec {

using Headers = std::vector<std::pair<std::string, std::string>>;

struct HttpRequest {
  std::string method;            // "POST"
  std::string path;              // "/v1/embeddings", percent-decoded, as routes know it
  std::string sent_path;         // the same as the client has it, with server.path_prefix
  std::string query;             // behind the "?", as sent
  Headers headers;               // names in lower case
  std::string body;              // whole, decoded from chunks and Content-Encoding
  std::string id;                // x-request-id of the client, or a new one
  std::uint64_t connection = 0;  // a number for each connection
  std::string peer;              // the IP address at its other end, or "unix"
  std::chrono::steady_clock::time_point received;
  std::stop_token stop;  // requested when the client has gone
  // Of its client, for all that it makes the server hold; null = nothing is counted.
  std::shared_ptr<MemoryAccount> account = {};
  // What the body and the work on it are charged, as long as the request is there; copies share it.
  std::shared_ptr<MemoryShare> memory = {};

  // The first value of a header by its lower-case name.
  std::optional<std::string_view> header(std::string_view name) const;
};

struct HttpResponse {
  int status = 200;
  std::string content_type = "application/json";
  Headers headers;  // beyond Content-Type, Content-Length and what the transport adds
  std::string body;
  bool no_memory = false;  // no_memory_answer(): the transport has its bytes
  // What the body is charged until it is sent; the transport charges what nobody has.
  std::shared_ptr<MemoryShare> memory = {};
};

// What is answered where memory for an answer is not to be had: 503 with Retry-After. To make it
// and to send it takes none.
HttpResponse no_memory_answer() noexcept;

// Sends the answer. To be called exactly once, from any thread; it does not block and does not
// throw.
using Respond = std::function<void(HttpResponse)>;

// What a transport calls for each request, on one of its request threads. Must not throw.
using HttpHandler = std::function<void(std::shared_ptr<const HttpRequest>, Respond)>;

}  // namespace nestvec
