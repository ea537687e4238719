// SPDX-License-Identifier: Apache-2.0
#include "server/signals.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <utility>

namespace nestvec {
namespace {

sigset_t handled_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, number);
  return set;
}

}  // namespace

SignalThread::SignalThread() {
  const sigset_t set = handled_signals();
  signals_ = FileDescriptor(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  quit_ = FileDescriptor(::eventfd(0, EFD_CLOEXEC));
  if (!signals_.valid() || !quit_.valid()) {
    throw file_error("cannot wait for signals with", "signalfd", errno);
  }
  pthread_sigmask(SIG_BLOCK, &set, &before_);
}

SignalThread::~SignalThread() {
  if (thread_.joinable()) {
    const std::uint64_t one = 1;
    const ssize_t written = ::write(quit_.get(), &one, sizeof one);
    // An eventfd takes its first count without fail; a thread that waits for ever would be worse.
    if (written != sizeof one) std::abort();
    thread_.join();
  }
  pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

void SignalThread::start(std::function<void()> stop, std::function<void()> reload) {
  stop_ = std::move(stop);
  reload_ = std::move(reload);
  thread_ = std::thread([this] { run(); });
}

void SignalThread::run() {
  while (true) {
    std::array<pollfd, 2> waits = {pollfd{signals_.get(), POLLIN, 0},
                                   pollfd{quit_.get(), POLLIN, 0}};
    if (::poll(waits.data(), waits.size(), -1) < 0) continue;  // EINTR
    if (waits[1].revents != 0) return;
    signalfd_siginfo info{};
    if (::read(signals_.get(), &info, sizeof info) == sizeof info) {
      handle(static_cast<int>(info.ssi_signo));
    }
  }
}

void SignalThread::handle(int signal_number) {
  if (signal_number == SIGHUP) {
    reload_();
    return;
  }
  if (stopping_) std::_Exit(128 + signal_number);
  stopping_ = true;
  stop_();
}

}  // namespace nestvec
