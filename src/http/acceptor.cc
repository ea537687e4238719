// SPDX-License-Identifier: Apache-2.0
#include "http/acceptor.h"

#include <exception>
#include <utility>

namespace nestvec {

Acceptor::Acceptor(IoLoop& loop, const Address& address, mode_t unix_mode, Take take)
    : take_(std::move(take)),
      listener_(std::in_place, address, unix_mode),
      port_(listener_->port()),
      watch_(loop.context(), listener_->fd()),
      timer_(loop.context()) {}

Acceptor::~Acceptor() {
  if (watch_.is_open()) watch_.release();
}

void Acceptor::start() { wait(); }

void Acceptor::repair() {
  if (!waiting_ && listener_) wait();
}

void Acceptor::wait() {
  watch_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                    [this](const boost::system::error_code& failed) {
                      waiting_ = false;
                      if (!failed && listener_) accept();
                    });
  waiting_ = true;
}

void Acceptor::accept() {
  constexpr int kConnectionsPerTurn = 64;
  for (int i = 0; i < kConnectionsPerTurn; ++i) {
    switch (accept_one()) {
      case Listener::Outcome::kAccepted:
        break;
      case Listener::Outcome::kNone:
        return wait();
      case Listener::Outcome::kNoResources:
        return pause();
    }
  }
  wait();
}

// No descriptors or memory are left: some connections have to end first.
void Acceptor::pause() {
  constexpr std::chrono::milliseconds kPause{100};
  timer_.expires_after(kPause);
  timer_.async_wait([this](const boost::system::error_code& failed) {
    waiting_ = false;
    if (!failed && listener_) accept();
  });
  waiting_ = true;
}

Listener::Outcome Acceptor::accept_one() {
  Listener::Accepted accepted;
  const Listener::Outcome outcome = listener_->accept(accepted);
  if (outcome != Listener::Outcome::kAccepted) return outcome;
  try {
    take_(std::move(accepted));
  } catch (const std::exception&) {
    return Listener::Outcome::kNoResources;  // this connection is closed, the others are not
  }
  return outcome;
}

void Acceptor::close() {
  if (!listener_) return;
  while (accept_one() == Listener::Outcome::kAccepted) {
  }
  watch_.release();  // also ends the wait
  timer_.cancel();
  listener_.reset();
}

}  // namespace nestvec
