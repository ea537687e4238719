// SPDX-License-Identifier: Apache-2.0
// Sockets that reach a gRPC server of this process without a listener, and who is behind them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/file.h"

namespace nestvec {

struct SocketPair {
  FileDescriptor ours;    // does not block
  FileDescriptor theirs;  // for gRPC
};

// A connected pair. gRPC sees a peer whose name holds `client`, the address of the one behind it,
// and `id`, so that no two are the same. Throws Error kUnavailable.
SocketPair make_grpc_peer(std::string_view client, std::string_view id);

// The `client` of such a name as gRPC tells it; nullopt for another peer.
std::optional<std::string_view> grpc_peer_client(std::string_view peer);

}  // namespace nestvec
