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

#include "base/start_thread.h"

namespace nestvec {
namespace {

sigset_t handled_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, number);
  return set;
}

FileDescriptor open_signals() {
  const sigset_t set = handled_signals();
  FileDescriptor file(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!file.valid()) throw file_error("cannot open", "signalfd", errno);
  return file;
}

FileDescriptor open_event() {
  FileDescriptor file(::eventfd(0, EFD_CLOEXEC));
  if (!file.valid()) throw file_error("cannot open", "eventfd", errno);
  return file;
}

}  // namespace

BlockedSignals::BlockedSignals() {
  const sigset_t set = handled_signals();
  pthread_sigmask(SIG_BLOCK, &set, &before_);
}

BlockedSignals::~BlockedSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

SignalThread::SignalThread(std::function<void(int)> stop, std::function<void()> reload)
    : stop_(std::move(stop)),
      reload_(std::move(reload)),
      signals_(open_signals()),
      quit_(open_event()),
      thread_(start_thread("the thread of signals", [this] { run(); })) {}

SignalThread::~SignalThread() {
  const std::uint64_t one = 1;
  // Cannot fail: the counter has room, and the descriptor is ours.
  [[maybe_unused]] const ssize_t written = ::write(quit_.get(), &one, sizeof one);
  thread_.join();
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
  stop_(signal_number);
}

}  // namespace nestvec
