// SPDX-License-Identifier: Apache-2.0
// Takes connections from a listening socket on a loop.
#pragma once

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <functional>
#include <optional>

#include "http/io_loop.h"
#include "http/listener.h"

namespace nestvec {

// For the loop's thread, but for its construction and start() before the loop's. Close it before
// the loop stops.
class Acceptor {
 public:
  using Take = std::function<void(Listener::Accepted)>;

  // Listens. Throws as Listener.
  Acceptor(IoLoop& loop, const Address& address, mode_t unix_mode, Take take);
  Acceptor(const Acceptor&) = delete;
  Acceptor& operator=(const Acceptor&) = delete;
  ~Acceptor();

  void start();
  // After a failure on the loop: waits again, if it does not.
  void repair();
  // Takes what waits already, then closes the socket.
  void close();

  std::uint16_t port() const noexcept { return port_; }

 private:
  void wait();
  void accept();
  void pause();
  // Whether there may be more to accept at once.
  Listener::Outcome accept_one();

  const Take take_;
  std::optional<Listener> listener_;  // until close()
  const std::uint16_t port_;
  boost::asio::posix::stream_descriptor watch_;  // does not own the socket
  boost::asio::steady_timer timer_;
  bool waiting_ = false;  // for a connection, or for resources
};

}  // namespace nestvec
