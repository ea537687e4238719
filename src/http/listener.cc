// SPDX-License-Identifier: Apache-2.0
#include "http/listener.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "nestvec/error.h"

namespace nestvec {
namespace {

constexpr int kBacklog = 4096;  // the system cuts it to net.core.somaxconn

Error listen_error(const Address& address, int error_number) {
  ErrorCode code = ErrorCode::kUnavailable;
  std::string advice;
  if (error_number == EADDRINUSE) {
    code = ErrorCode::kAlreadyExists;
    advice = "; another program listens there, choose another address or stop it";
  } else if (error_number == EACCES || error_number == EPERM) {
    code = ErrorCode::kPermissionDenied;
  } else if (error_number == EADDRNOTAVAIL) {
    code = ErrorCode::kInvalidArgument;
    advice = "; no interface of this machine has that address";
  } else if (error_number == ENOENT) {
    code = ErrorCode::kNotFound;
  } else if (error_number == EMFILE) {
    code = ErrorCode::kResourceExhausted;
    advice = "; raise the limit of this process (ulimit -n)";
  }
  return Error(
      code, "cannot listen on " + to_string(address) + ": " + std::strerror(error_number) + advice);
}

FileDescriptor open_socket(int family) {
  return FileDescriptor(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
}

void switch_on(int fd, int level, int option) {
  const int on = 1;
  ::setsockopt(fd, level, option, &on, sizeof(on));
}

// Whether somebody answers at a Unix socket; a full backlog is somebody too.
bool is_alive(const SocketAddress& address) {
  const FileDescriptor probe = open_socket(AF_UNIX);
  return ::connect(probe.get(), address.data(), address.size) == 0 || errno == EAGAIN;
}

}  // namespace

Listener::Listener(const Address& address, mode_t unix_mode) : address_(address) {
  if (address.unix_path.empty()) {
    bind_tcp(address);
  } else {
    bind_unix(address, unix_mode);
  }
  if (::listen(socket_.get(), kBacklog) != 0) throw listen_error(address, errno);
}

Listener::~Listener() {
  struct stat now{};
  if (unix_file_ && ::lstat(address_.unix_path.c_str(), &now) == 0 &&
      now.st_dev == unix_file_->device && now.st_ino == unix_file_->inode) {
    ::unlink(address_.unix_path.c_str());
  }
}

void Listener::bind_tcp(const Address& address) {
  int last_error = EADDRNOTAVAIL;
  for (const SocketAddress& candidate : resolve(address)) {
    FileDescriptor socket = open_socket(candidate.family());
    if (!socket.valid()) {
      last_error = errno;
      continue;
    }
    switch_on(socket.get(), SOL_SOCKET, SO_REUSEADDR);
    if (::bind(socket.get(), candidate.data(), candidate.size) != 0) {
      last_error = errno;
      continue;
    }
    SocketAddress bound;
    bound.size = sizeof(bound.storage);
    ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&bound.storage), &bound.size);
    port_ = bound.family() == AF_INET6
                ? ntohs(reinterpret_cast<const sockaddr_in6*>(&bound.storage)->sin6_port)
                : ntohs(reinterpret_cast<const sockaddr_in*>(&bound.storage)->sin_port);
    socket_ = std::move(socket);
    return;
  }
  throw listen_error(address, last_error);
}

void Listener::bind_unix(const Address& address, mode_t mode) {
  const SocketAddress target = resolve(address).front();
  const char* const path = address.unix_path.c_str();
  struct stat file{};
  if (::lstat(path, &file) == 0) {
    if (!S_ISSOCK(file.st_mode)) {
      throw Error(ErrorCode::kAlreadyExists, "cannot listen on " + to_string(address) +
                                                 ": the file exists and is not a socket");
    }
    if (is_alive(target)) throw listen_error(address, EADDRINUSE);
    ::unlink(path);
  }
  socket_ = open_socket(AF_UNIX);
  if (!socket_.valid()) throw listen_error(address, errno);
  // The mode is set before anybody can connect: that takes listen().
  if (::bind(socket_.get(), target.data(), target.size) != 0 || ::chmod(path, mode) != 0 ||
      ::lstat(path, &file) != 0) {
    throw listen_error(address, errno);
  }
  unix_file_ = {file.st_dev, file.st_ino};
}

Listener::Outcome Listener::accept(Accepted& accepted) {
  for (;;) {
    accepted.peer.size = sizeof(accepted.peer.storage);
    const int fd = ::accept4(socket_.get(), reinterpret_cast<sockaddr*>(&accepted.peer.storage),
                             &accepted.peer.size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      accepted.socket = FileDescriptor(fd);
      if (address_.unix_path.empty()) switch_on(fd, IPPROTO_TCP, TCP_NODELAY);
      return Outcome::kAccepted;
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK) return Outcome::kNone;
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      return Outcome::kNoResources;
    }
    if (errno == EBADF || errno == EINVAL || errno == ENOTSOCK) return Outcome::kNone;
    // Else the connection died while it waited; the next one may be well.
  }
}

}  // namespace nestvec
