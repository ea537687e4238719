// SPDX-License-Identifier: Apache-2.0
#include "grpc/grpc_peer.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>

namespace nestvec {
namespace {

// Abstract names need no file and cannot be taken over: nobody listens at them.
constexpr std::string_view kScheme = "unix-abstract:";
constexpr std::string_view kPrefix = "nestvec:";

// A name that is taken or too long leaves the peer without one, which costs it nothing but its
// place in the log and its own share of the queue.
void name_socket(int fd, std::string_view name) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (name.size() + 1 > sizeof(address.sun_path)) return;
  std::memcpy(address.sun_path + 1, name.data(), name.size());
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  [[maybe_unused]] const int named = ::bind(fd, reinterpret_cast<const sockaddr*>(&address), size);
}

}  // namespace

SocketPair make_grpc_peer(std::string_view client, std::string_view id) {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    throw Error(ErrorCode::kUnavailable,
                std::string("no sockets for a connection to gRPC: ") + std::strerror(errno));
  }
  SocketPair pair{FileDescriptor(ends[0]), FileDescriptor(ends[1])};
  name_socket(pair.ours.get(), std::string(kPrefix).append(id).append(":").append(client));
  return pair;
}

std::optional<std::string_view> grpc_peer_client(std::string_view peer) {
  if (!peer.starts_with(kScheme)) return std::nullopt;
  peer.remove_prefix(kScheme.size());
  if (!peer.starts_with(kPrefix)) return std::nullopt;
  peer.remove_prefix(kPrefix.size());
  const std::size_t colon = peer.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  return peer.substr(colon + 1);
}

}  // namespace nestvec
