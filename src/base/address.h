// SPDX-License-Identifier: Apache-2.0
// Where a server listens: "HOST:PORT" or "unix:PATH".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace nestvec {

struct Address {
  std::string host;  // "127.0.0.1", "::1"; empty for a Unix socket
  std::uint16_t port = 0;
  std::string unix_path;
  bool loopback() const;  // only this machine can reach it
};

// "127.0.0.1:8080", "[::1]:8080", ":8080" (every interface), "unix:/run/nestvec.sock". Throws Error
// kInvalidArgument.
Address parse_address(std::string_view text);

}  // namespace nestvec
