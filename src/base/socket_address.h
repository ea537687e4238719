// SPDX-License-Identifier: Apache-2.0
// An Address as the system's socket calls take it.
#pragma once

#include <sys/socket.h>

#include <string>
#include <vector>

#include "base/address.h"

namespace nestvec {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;

  const sockaddr* data() const { return reinterpret_cast<const sockaddr*>(&storage); }
  int family() const { return storage.ss_family; }
};

// "127.0.0.1:8080" or "unix:/run/x": what errors call an address.
std::string to_string(const Address& address);

// All that a name stands for, the one to prefer first; one for numbers and Unix paths. May ask a
// name server. Throws Error kInvalidArgument (a Unix path that is too long), kNotFound.
std::vector<SocketAddress> resolve(const Address& address);

// The peer's IP address without its port, or "unix".
std::string client_name(const SocketAddress& address);

}  // namespace nestvec
