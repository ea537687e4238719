// SPDX-License-Identifier: Apache-2.0
// A connected socket, plain or under TLS, that reads and writes without blocking.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cstddef>
#include <span>
#include <string_view>
#include <utility>

#include "base/file.h"
#include "http/tls_context.h"

namespace nestvec {

enum class IoStatus {
  kDone,
  kWantRead,   // try again when the socket is readable
  kWantWrite,  // try again when it is writable (a read may say so under TLS)
  kEnd,        // the peer sends no more
  kFailed,     // the connection is broken
};

struct IoResult {
  IoStatus status = IoStatus::kDone;
  std::size_t bytes = 0;
};

// For one thread. Nothing is buffered here: what is waited for is the socket alone, so a connection
// that waits holds no memory for bytes. Callers try first and wait after kWant*.
class Transport {
 public:
  // `tls` is null for a plain connection, else a session on this socket. Throws
  // boost::system::system_error when the system cannot watch the socket.
  Transport(boost::asio::io_context& context, FileDescriptor socket, SslPtr tls = nullptr);

  bool is_tls() const noexcept { return tls_ != nullptr; }

  IoResult handshake();
  // After a handshake that has failed: whether the peer speaks HTTP without TLS. If so, what is
  // written from then on is plain.
  bool falls_back_to_plain();
  IoResult read(std::span<char> into);
  // Writes of `first` and then of `second` what the socket takes; at least one byte if kDone.
  IoResult write(std::string_view first, std::string_view second);
  // Tells the peer that no more comes; reading goes on.
  void shutdown_write();
  void close();

  // Whether nothing is left to read after a read() of so many bytes into so many: saves a call.
  bool drained(std::size_t bytes, std::size_t room) const { return !is_tls() && bytes < room; }
  // Whether there is something to read, be it the end.
  bool has_input() const;
  // Whether the peer has closed its side, told without reading what is in front of the end.
  bool peer_closed() const;
  // Whether the connection has ended in both directions: nothing that is written arrives.
  bool peer_gone() const;

  // Calls `then` once when what `want` names may be tried again. A call that was due already may
  // still come after close().
  template <class Then>
  void wait(IoStatus want, Then then) {
    watch_.async_wait(want == IoStatus::kWantWrite ? Watch::wait_write : Watch::wait_read,
                      [next = std::move(then)](const boost::system::error_code& failed) mutable {
                        if (!failed) next();
                      });
  }

 private:
  using Watch = boost::asio::posix::stream_descriptor;

  IoResult tls_result(int returned, std::size_t bytes);
  IoResult write_tls(std::string_view bytes);

  Watch watch_;  // owns the descriptor
  SslPtr tls_;
  bool met_http_ = false;
};

}  // namespace nestvec
