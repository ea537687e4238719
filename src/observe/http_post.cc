// SPDX-License-Identifier: Apache-2.0
#include "observe/http_post.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <cstring>

#include "base/excerpt.h"
#include "base/file.h"
#include "base/socket_address.h"
#include "nestvec/error.h"

namespace nestvec {
namespace {

using Clock = std::chrono::steady_clock;

Error unavailable(const HttpTarget& target, std::string_view what) {
  return Error(ErrorCode::kUnavailable, "http://" + target.host + ": " + std::string(what));
}

// A connection that is given up at its deadline.
class Call {
 public:
  // A name may stand for several addresses: localhost for one of each version of IP, of which the
  // other side may have one only.
  Call(const HttpTarget& target, Clock::time_point deadline)
      : target_(target), deadline_(deadline) {
    int failed = 0;
    for (const SocketAddress& address : resolve(target.address)) {
      failed = connect(address);
      if (failed == 0) return;
    }
    throw unavailable(target_, std::strerror(failed));
  }

  void send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent >= 0) {
        bytes.remove_prefix(static_cast<std::size_t>(sent));
      } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
        wait(POLLOUT);
      } else if (errno != EINTR) {
        throw unavailable(target_, std::strerror(errno));
      }
    }
  }

  // At least so many bytes, or what comes before the end.
  std::string receive(std::size_t least) {
    std::string received;
    std::array<char, 512> piece;
    while (received.size() < least) {
      const ssize_t count = ::recv(socket_.get(), piece.data(), piece.size(), 0);
      if (count > 0) {
        received.append(piece.data(), static_cast<std::size_t>(count));
      } else if (count == 0) {
        break;
      } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
        wait(POLLIN);
      } else if (errno != EINTR) {
        throw unavailable(target_, std::strerror(errno));
      }
    }
    return received;
  }

 private:
  // Returns 0, or errno.
  int connect(const SocketAddress& address) {
    socket_ =
        FileDescriptor(::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!socket_.valid()) return errno;
    if (::connect(socket_.get(), address.data(), address.size) != 0 && errno != EINPROGRESS) {
      return errno;
    }
    wait(POLLOUT);
    int failed = 0;
    socklen_t size = sizeof(failed);
    ::getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &failed, &size);
    return failed;
  }

  void wait(short events) const {
    pollfd state{socket_.get(), events, 0};
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline_ - Clock::now()).count();
    if (left > 0 && ::poll(&state, 1, static_cast<int>(left)) != 0) return;  // or EINTR
    throw Error(ErrorCode::kDeadlineExceeded, "http://" + target_.host + ": no response in time");
  }

  const HttpTarget& target_;
  const Clock::time_point deadline_;
  FileDescriptor socket_;
};

}  // namespace

HttpTarget parse_http_url(std::string_view url, std::string_view suffix, std::string_view key) {
  constexpr std::string_view kScheme = "http://";
  const auto malformed = [&] {
    return Error(ErrorCode::kInvalidArgument,
                 std::string(key) +
                     ": expected http://HOST:PORT (without TLS: a collector beside " +
                     "the server can add it), found " + excerpt(url));
  };
  if (!url.starts_with(kScheme)) throw malformed();
  std::string_view rest = url.substr(kScheme.size());
  const std::size_t slash = std::min(rest.find('/'), rest.size());
  const std::string_view host = rest.substr(0, slash);
  std::string_view path = rest.substr(slash);
  while (path.ends_with('/')) path.remove_suffix(1);
  const bool plain = std::ranges::all_of(
      rest, [](char c) { return c > ' ' && c < 0x7f && c != '?' && c != '#' && c != '@'; });
  if (!plain || host.starts_with(':') || host.starts_with("unix:")) throw malformed();
  try {
    return {parse_address(host), std::string(host), std::string(path).append(suffix)};
  } catch (const Error&) {
    throw malformed();
  }
}

int http_post(const HttpTarget& target, std::string_view json, Clock::time_point deadline) {
  Call call(target, deadline);
  std::string head = "POST " + target.path + " HTTP/1.1\r\nHost: " + target.host;
  head += "\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: ";
  head += std::to_string(json.size()) + "\r\n\r\n";
  call.send(head);
  call.send(json);
  constexpr std::string_view kStatusLine = "HTTP/1.1 200";
  const std::string answer = call.receive(kStatusLine.size());
  const bool is_http = answer.size() >= kStatusLine.size() && answer.starts_with("HTTP/1.") &&
                       std::all_of(answer.begin() + 9, answer.begin() + 12,
                                   [](unsigned char c) { return std::isdigit(c) != 0; });
  if (!is_http) throw unavailable(target, "the response is not HTTP");
  return std::stoi(answer.substr(9, 3));
}

}  // namespace nestvec
