// SPDX-License-Identifier: Apache-2.0
#include "service/caller.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <functional>

namespace nestvec {
namespace {

// The first 64 bits of an address of IPv6; one of IPv4 as it is, as is one within "::ffff:0:0/96".
// Empty for what is no address.
std::string network_of(const std::string& peer) {
  constexpr std::size_t kPrefix = 8;
  const std::string text = peer.substr(0, peer.find('%'));  // without a scope
  in_addr v4{};
  if (::inet_pton(AF_INET, text.c_str(), &v4) == 1) return text;
  in6_addr v6{};
  if (::inet_pton(AF_INET6, text.c_str(), &v6) != 1) return "";
  if (IN6_IS_ADDR_V4MAPPED(&v6)) return text.substr(text.rfind(':') + 1);
  return {std::begin(v6.s6_addr), std::begin(v6.s6_addr) + kPrefix};
}

template <typename Options>
void apply_to(const Caller& caller, const Service& service, Options& options) {
  const ServerOptions& server = service.options;
  RunControl control = control_of(caller, server);
  options.stop = std::move(control.stop);
  options.deadline = control.deadline;
  // A stream that keeps many texts going is somebody's bulk load, however short they are.
  options.queue.priority =
      caller.priority.value_or(caller.crowded ? Priority::kBulk : Priority::kAuto);
  options.queue.client = caller.client;
  options.queue.memory = caller.memory;
  if (caller.waits) return;
  options.queue.max_tokens = server.max_queue_tokens;
  options.queue.max_seconds = static_cast<double>(server.max_queue_seconds);
}

}  // namespace

std::uint64_t client_number_of_peer(const std::string& peer, std::uint64_t connection) {
  const std::string network = network_of(peer);
  return std::hash<std::string>{}(network.empty() ? "connection " + std::to_string(connection)
                                                  : "network " + network);
}

std::uint64_t client_number(std::string_view key, const HttpRequest& head) {
  if (key.empty()) return client_number_of_peer(head.peer, head.connection);
  return std::hash<std::string>{}(std::string("key ").append(key));
}

std::optional<Priority> parse_priority(std::string_view name) {
  if (name == "interactive") return Priority::kInteractive;
  if (name == "bulk") return Priority::kBulk;
  return std::nullopt;
}

RunControl control_of(const Caller& caller, const ServerOptions& server) {
  RunControl control{.stop = caller.stop, .deadline = caller.deadline};
  if (server.request_seconds > 0) {
    const auto own = caller.received + std::chrono::seconds(server.request_seconds);
    control.deadline = std::min(control.deadline.value_or(own), own);
  }
  return control;
}

void apply_caller(const Caller& caller, const Service& service, EmbedOptions& options) {
  apply_to(caller, service, options);
}

void apply_caller(const Caller& caller, const Service& service, ScoreOptions& options) {
  apply_to(caller, service, options);
}

bool has_room(const Caller& caller, const Service& service) {
  const QueueStatus queue = service.model.queue(caller.client);
  const ServerOptions& limits = service.options;
  std::size_t tokens = 2 * service.model.info().max_batch_tokens;
  if (limits.max_queue_tokens > 0) tokens = std::min(tokens, limits.max_queue_tokens);
  constexpr double kShare = 0.25;
  const double seconds = kShare * static_cast<double>(limits.max_queue_seconds);
  if (queue.tokens < tokens && (seconds == 0 || queue.expected_seconds < seconds)) return true;
  const std::size_t sharers = queue.clients + (queue.client_tokens > 0 ? 0 : 1);
  return queue.client_tokens < tokens / sharers;
}

}  // namespace nestvec
