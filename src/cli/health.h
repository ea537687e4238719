// SPDX-License-Identifier: Apache-2.0
// Whether a server answers, for health checks of containers that have no other HTTP client.
#pragma once

#include <chrono>
#include <string>

namespace nestvec {

// Whom a health check asks.
struct HealthTarget {
  std::string url;          // with a path
  std::string unix_socket;  // where it connects; empty = to the address's host
  std::string name;         // in errors
};

// Of "http://HOST:PORT[/PATH]", "HOST:PORT[/PATH]", ":PORT" or "unix:PATH"; the path is /health
// where none is given, the address of every interface is this machine's. Throws Error
// kInvalidArgument.
HealthTarget health_target(const std::string& text);

// One GET without a proxy. Returns for an answer with status 200. Blocks for at most `timeout`.
// `verify`: the server's certificate is checked. Throws Error: kUnavailable for any other outcome.
void check_health(const HealthTarget& target, std::chrono::milliseconds timeout, bool verify);

}  // namespace nestvec
