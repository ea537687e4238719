// SPDX-License-Identifier: Apache-2.0
// Web pages of others, open on a machine that reaches this server, are not to use it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "service/cors.h"
#include "service/http_message.h"

namespace nestvec {

// Immutable after construction; safe for concurrent use.
class BrowserGuard {
 public:
  // `hosts` are names separated by commas. A server that is `local`, on loopback addresses alone,
  // answers to them and to names of the loopback, over a Unix socket and elsewhere to every name.
  // `cors` outlives it.
  BrowserGuard(const Cors& cors, std::string_view hosts, bool local);

  // Throws RequestError kPermissionDenied for a Host that the server does not answer to: a page may
  // give its own name this server's address. Without API keys, also for an Origin that is not
  // allowed: a browser sends simple requests before it asks whether it may.
  void check(const HttpRequest& request, bool has_keys) const;

 private:
  bool answers_to(std::string_view host) const;

  const Cors& cors_;
  const std::vector<std::string> hosts_;
  const bool local_;
};

// The name or address in a Host header: without its port, its brackets and a dot at its end, in
// lower case.
std::string host_name(std::string_view header);

}  // namespace nestvec
