// SPDX-License-Identifier: Apache-2.0
#include "base/address.h"

#include <charconv>

#include "nestvec/error.h"

namespace nestvec {
namespace {

Error malformed(std::string_view text) {
  return Error(ErrorCode::kInvalidArgument,
               "\"" + std::string(text) +
                   "\" is not an address: expected HOST:PORT, [IPV6]:PORT, :PORT or unix:PATH");
}

}  // namespace

bool Address::loopback() const {
  return !unix_path.empty() || host == "localhost" || host == "::1" || host.starts_with("127.");
}

Address parse_address(std::string_view text) {
  constexpr std::string_view kUnix = "unix:";
  Address address;
  if (text.starts_with(kUnix)) {
    address.unix_path = text.substr(kUnix.size());
    if (address.unix_path.empty()) throw malformed(text);
    return address;
  }
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) throw malformed(text);
  std::string_view host = text.substr(0, colon);
  const std::string_view port = text.substr(colon + 1);
  const bool bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  if (!bracketed && host.find(':') != std::string_view::npos) throw malformed(text);
  const auto [end, failed] = std::from_chars(port.data(), port.data() + port.size(), address.port);
  if (port.empty() || failed != std::errc{} || end != port.data() + port.size()) {
    throw malformed(text);
  }
  address.host = host.empty() ? "0.0.0.0" : std::string(host);
  return address;
}

}  // namespace nestvec
