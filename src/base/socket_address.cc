// SPDX-License-Identifier: Apache-2.0
#include "base/socket_address.h"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

#include "nestvec/error.h"

namespace nestvec {
namespace {

SocketAddress unix_address(const std::string& path) {
  SocketAddress result;
  auto* const address = reinterpret_cast<sockaddr_un*>(&result.storage);
  if (path.size() >= sizeof(address->sun_path)) {
    throw Error(ErrorCode::kInvalidArgument,
                "unix:" + path + ": the path of a Unix socket has at most " +
                    std::to_string(sizeof(address->sun_path) - 1) + " bytes");
  }
  address->sun_family = AF_UNIX;
  std::memcpy(address->sun_path, path.c_str(), path.size() + 1);
  result.size = sizeof(sockaddr_un);
  return result;
}

}  // namespace

std::string to_string(const Address& address) {
  if (!address.unix_path.empty()) return "unix:" + address.unix_path;
  const bool is_v6 = address.host.find(':') != std::string::npos;
  return (is_v6 ? "[" + address.host + "]" : address.host) + ":" + std::to_string(address.port);
}

std::vector<SocketAddress> resolve(const Address& address) {
  if (!address.unix_path.empty()) return {unix_address(address.unix_path)};
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* list = nullptr;
  const int failed =
      ::getaddrinfo(address.host.c_str(), std::to_string(address.port).c_str(), &hints, &list);
  if (failed != 0) {
    throw Error(ErrorCode::kNotFound, to_string(address) + ": " + ::gai_strerror(failed));
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(list, &::freeaddrinfo);
  std::vector<SocketAddress> result;
  for (const addrinfo* item = list; item != nullptr; item = item->ai_next) {
    SocketAddress& entry = result.emplace_back();
    std::memcpy(&entry.storage, item->ai_addr, item->ai_addrlen);
    entry.size = item->ai_addrlen;
  }
  return result;
}

std::string client_name(const SocketAddress& address) {
  std::array<char, NI_MAXHOST> host{};
  if (address.family() == AF_UNIX || ::getnameinfo(address.data(), address.size, host.data(),
                                                   host.size(), nullptr, 0, NI_NUMERICHOST) != 0) {
    return "unix";
  }
  return host.data();
}

}  // namespace nestvec
