// SPDX-License-Identifier: Apache-2.0
#include "http/transport.h"

#include <openssl/err.h>
#include <openssl/sslerr.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cerrno>

namespace nestvec {
namespace {

IoResult failed_call(IoStatus want) {
  const bool again = errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
  return {again ? want : IoStatus::kFailed, 0};
}

iovec buffer_of(std::string_view bytes) {
  return {const_cast<char*>(bytes.data()), bytes.size()};  // sendmsg only reads it
}

}  // namespace

Transport::Transport(boost::asio::io_context& context, FileDescriptor socket, SslPtr tls)
    : watch_(context, socket.get()), tls_(std::move(tls)) {
  socket.release();
}

// What OpenSSL means by a call that returned `returned`.
IoResult Transport::tls_result(int returned, std::size_t bytes) {
  if (returned > 0) return {IoStatus::kDone, bytes};
  switch (SSL_get_error(tls_.get(), returned)) {
    case SSL_ERROR_WANT_READ:
      return {IoStatus::kWantRead, 0};
    case SSL_ERROR_WANT_WRITE:
      return {IoStatus::kWantWrite, 0};
    case SSL_ERROR_ZERO_RETURN:
      return {IoStatus::kEnd, 0};
    default:
      return {IoStatus::kFailed, 0};
  }
}

IoResult Transport::handshake() {
  if (!tls_) return {};
  ERR_clear_error();
  const IoResult result = tls_result(SSL_do_handshake(tls_.get()), 0);
  met_http_ = result.status == IoStatus::kFailed &&
              ERR_GET_REASON(ERR_peek_last_error()) == SSL_R_HTTP_REQUEST;
  return result;
}

bool Transport::falls_back_to_plain() {
  if (met_http_) tls_.reset();
  return met_http_;
}

IoResult Transport::read(std::span<char> into) {
  if (tls_) {
    ERR_clear_error();
    std::size_t bytes = 0;
    const int returned = SSL_read_ex(tls_.get(), into.data(), into.size(), &bytes);
    return tls_result(returned, bytes);
  }
  const ssize_t got = ::recv(watch_.native_handle(), into.data(), into.size(), 0);
  if (got < 0) return failed_call(IoStatus::kWantRead);
  return {got == 0 ? IoStatus::kEnd : IoStatus::kDone, static_cast<std::size_t>(got)};
}

IoResult Transport::write_tls(std::string_view bytes) {
  ERR_clear_error();
  std::size_t written = 0;
  const int returned = SSL_write_ex(tls_.get(), bytes.data(), bytes.size(), &written);
  return tls_result(returned, written);
}

IoResult Transport::write(std::string_view first, std::string_view second) {
  if (tls_) return write_tls(first.empty() ? second : first);
  std::array<iovec, 2> buffers = {buffer_of(first), buffer_of(second)};
  msghdr message{};
  message.msg_iov = buffers.data();
  message.msg_iovlen = buffers.size();
  const ssize_t sent = ::sendmsg(watch_.native_handle(), &message, MSG_NOSIGNAL);
  if (sent < 0) return failed_call(IoStatus::kWantWrite);
  return {IoStatus::kDone, static_cast<std::size_t>(sent)};
}

void Transport::shutdown_write() {
  if (tls_) {
    ERR_clear_error();
    SSL_shutdown(tls_.get());  // sends close_notify if there is room; the FIN says the same
  }
  ::shutdown(watch_.native_handle(), SHUT_WR);
}

void Transport::close() {
  boost::system::error_code failed;
  // It ends the waits and gives the descriptor up even where close() fails.
  [[maybe_unused]] const auto same = watch_.close(failed);
  tls_.reset();
}

bool Transport::has_input() const {
  pollfd state{const_cast<Watch&>(watch_).native_handle(), POLLIN, 0};
  return ::poll(&state, 1, 0) > 0;
}

bool Transport::peer_closed() const {
  pollfd state{const_cast<Watch&>(watch_).native_handle(), POLLRDHUP, 0};
  return ::poll(&state, 1, 0) > 0;
}

bool Transport::peer_gone() const {
  pollfd state{const_cast<Watch&>(watch_).native_handle(), 0, 0};
  return ::poll(&state, 1, 0) > 0 && (state.revents & (POLLERR | POLLHUP)) != 0;
}

}  // namespace nestvec
