// SPDX-License-Identifier: Apache-2.0
#include "service/browser_guard.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cctype>

#include "base/excerpt.h"
#include "service/error_style.h"

namespace nestvec {
namespace {

std::vector<std::string> host_names(std::string_view list) {
  std::vector<std::string> names = split_list(list);
  std::ranges::transform(names, names.begin(), &host_name);
  return names;
}

// localhost, 127.0.0.0/8, ::1: no name server has a say in what they mean.
bool is_loopback(const std::string& name) {
  constexpr std::string_view kNet = "127.";
  in_addr address{};
  return name == "localhost" || name == "::1" ||
         (name.starts_with(kNet) && ::inet_pton(AF_INET, name.c_str(), &address) == 1);
}

}  // namespace

std::string host_name(std::string_view header) {
  if (header.starts_with('[')) {
    header = header.substr(1, header.find(']') - 1);
  } else if (header.find(':') == header.rfind(':')) {  // two colons: an address of IPv6
    header = header.substr(0, header.find(':'));
  }
  if (header.ends_with('.')) header.remove_suffix(1);
  std::string name(header);
  std::ranges::transform(name, name.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return name;
}

BrowserGuard::BrowserGuard(const Cors& cors, std::string_view hosts, bool local)
    : cors_(cors), hosts_(host_names(hosts)), local_(local) {}

bool BrowserGuard::answers_to(std::string_view host) const {
  const std::string name = host_name(host);
  if (name.empty()) return host.empty();
  return is_loopback(name) || std::ranges::find(hosts_, name) != hosts_.end();
}

void BrowserGuard::check(const HttpRequest& request, bool has_keys) const {
  const auto host = request.header("host");
  const bool from_page = request.peer != "unix";  // no page opens a Unix socket
  if (local_ && from_page && host && !answers_to(*host)) {
    throw RequestError(
        ErrorCode::kPermissionDenied,
        "this server listens on a loopback address and does not answer to the host " +
            excerpt(host_name(*host)) + "; to allow it, add it to server.hosts");
  }
  if (!has_keys && !cors_.allows(request)) {
    throw RequestError(ErrorCode::kPermissionDenied,
                       "web pages of " + excerpt(request.header("origin").value_or("")) +
                           " may not call this server; add their origin to server.cors_origins, "
                           "or give the server API keys");
  }
}

}  // namespace nestvec
