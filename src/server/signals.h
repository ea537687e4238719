// SPDX-License-Identifier: Apache-2.0
// SIGTERM, SIGINT and SIGHUP as calls on a thread of their own, where everything is allowed.
#pragma once

#include <csignal>
#include <functional>
#include <thread>

#include "base/file.h"

namespace nestvec {

// While one lives, the signals wait instead of doing what they did before: in this thread and in
// all that it starts meanwhile, so it comes before any of them.
class BlockedSignals {
 public:
  BlockedSignals();
  BlockedSignals(const BlockedSignals&) = delete;
  BlockedSignals& operator=(const BlockedSignals&) = delete;
  ~BlockedSignals();

 private:
  sigset_t before_{};
};

// Takes the signals that wait, and those that come. One at a time in a process, during a
// BlockedSignals. The destructor waits for a call that runs.
class SignalThread {
 public:
  // `stop` is called for the first SIGTERM or SIGINT; another one ends the process at once, with
  // code 128 + its number. `reload` is called for each SIGHUP. Both must return soon, for the next
  // signal is seen after that, and must not throw. Throws Error where the system is out of files or
  // threads.
  SignalThread(std::function<void(int signal_number)> stop, std::function<void()> reload);
  SignalThread(const SignalThread&) = delete;
  SignalThread& operator=(const SignalThread&) = delete;
  ~SignalThread();

 private:
  void run();
  void handle(int signal_number);

  std::function<void(int)> stop_;
  std::function<void()> reload_;
  bool stopping_ = false;  // of the thread
  FileDescriptor signals_;
  FileDescriptor quit_;
  std::thread thread_;
};

}  // namespace nestvec
