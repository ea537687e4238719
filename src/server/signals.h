// SPDX-License-Identifier: Apache-2.0
// SIGTERM, SIGINT and SIGHUP as calls on a thread of their own, where everything is allowed.
#pragma once

#include <csignal>
#include <functional>
#include <thread>

#include "base/file.h"

namespace nestvec {

// One at a time in a process. Not thread-safe.
class SignalThread {
 public:
  // Blocks the signals in the calling thread and in all threads that it starts from now on, so it
  // comes before any of them. Signals wait until start(). Throws Error kInternal.
  SignalThread();
  SignalThread(const SignalThread&) = delete;
  SignalThread& operator=(const SignalThread&) = delete;
  // Ends the thread and lets the signals do again what they did before.
  ~SignalThread();

  // `stop` is called for the first SIGTERM or SIGINT; another one ends the process at once, with
  // code 128 + its number. `reload` is called for each SIGHUP. Both must return soon, for the next
  // signal is seen after that, and must not throw.
  void start(std::function<void()> stop, std::function<void()> reload);

 private:
  void run();
  void handle(int signal_number);

  sigset_t before_{};
  FileDescriptor signals_;
  FileDescriptor quit_;
  std::function<void()> stop_;
  std::function<void()> reload_;
  bool stopping_ = false;  // of the thread
  std::thread thread_;
};

}  // namespace nestvec
