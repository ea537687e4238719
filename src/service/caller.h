// SPDX-License-Identifier: Apache-2.0
// Who calls, how long they wait and how urgent it is: admission, for every transport.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/memory_account.h"
#include "base/run_control.h"
#include "nestvec/options.h"
#include "service/http_message.h"
#include "service/service.h"

namespace nestvec {

// What a transport knows of a call when it is admitted.
struct Caller {
  std::string key;                             // name of the API key that was used, or empty
  std::uint64_t client = 0;                    // whom to be fair to, see client_number
  std::shared_ptr<MemoryAccount> memory = {};  // its account; null = nothing is counted
  std::size_t held = 0;                        // bytes of it that the request has already
  std::optional<Priority> priority = std::nullopt;
  // The caller's own; control_of has the server's, too.
  std::optional<std::chrono::steady_clock::time_point> deadline = std::nullopt;
  std::chrono::steady_clock::time_point received = {};
  std::stop_token stop = {};  // the client has gone
  bool waits = false;         // of a stream: a full queue is waited for instead of refused
  bool crowded = false;       // others of its stream are being worked on
  bool has_paid = false;      // its transport has taken memory for the tokens of its texts
};

// The client of a request: its API key by name, else its peer's address, of IPv6 the /64 that a
// subscriber has, and for a peer without an address its connection. The same over all transports.
std::uint64_t client_number(std::string_view key, const HttpRequest& head);
// The one of a connection that has not sent a key yet.
std::uint64_t client_number_of_peer(const std::string& peer, std::uint64_t connection);

// "interactive" or "bulk"; nullopt for another word.
std::optional<Priority> parse_priority(std::string_view name);

// When nobody waits for the call any more: its client has gone, or the deadline has passed, its own
// or the server's, the earlier.
RunControl control_of(const Caller& caller, const ServerOptions& server);

// What the caller decides of the options: stop, deadline, priority, client and limits of the queue.
void apply_caller(const Caller& caller, const Service& service, EmbedOptions& options);
void apply_caller(const Caller& caller, const Service& service, ScoreOptions& options);

// True while a stream may hand the model more: less waits than two batches, and much less than
// single calls are refused at, so that a stream that takes all it can get shuts nobody out; or less
// of its client than its share of that, so that it is not shut out either.
bool has_room(const Caller& caller, const Service& service);

}  // namespace nestvec
