// SPDX-License-Identifier: Apache-2.0
// A listening socket, TCP or Unix.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>

#include "base/address.h"
#include "base/file.h"
#include "base/socket_address.h"

namespace nestvec {

// Listens from its construction on. Not thread-safe.
class Listener {
 public:
  // A Unix socket that nobody listens at is replaced; the new one gets `unix_mode`. Throws Error
  // naming the address: kAlreadyExists (in use), kPermissionDenied, kNotFound, kInvalidArgument,
  // kUnavailable.
  Listener(const Address& address, mode_t unix_mode);
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  // Removes the Unix socket if it is still its own.
  ~Listener();

  int fd() const noexcept { return socket_.get(); }
  std::uint16_t port() const noexcept { return port_; }  // 0 for a Unix socket

  struct Accepted {
    FileDescriptor socket;  // non-blocking, without Nagle's delay
    SocketAddress peer;
  };
  enum class Outcome { kAccepted, kNone, kNoResources };
  // Takes one waiting connection; kNoResources when the process has no descriptors or memory left.
  Outcome accept(Accepted& accepted);

 private:
  void bind_tcp(const Address& address);
  void bind_unix(const Address& address, mode_t mode);

  Address address_;
  FileDescriptor socket_;
  std::uint16_t port_ = 0;
  struct FileId {
    dev_t device;
    ino_t inode;
  };
  std::optional<FileId> unix_file_;
};

}  // namespace nestvec
