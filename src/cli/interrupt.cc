// SPDX-License-Identifier: Apache-2.0
#include "cli/interrupt.h"

#include <csignal>

#include "nestvec/error.h"

namespace nestvec {
namespace {

// The one thing that a signal handler may write; there is no other way to reach it.
volatile std::sig_atomic_t interrupted = 0;

extern "C" void note_interrupt(int) { interrupted = 1; }

void set_handler(void (*handler)(int)) {
  struct sigaction action{};
  action.sa_handler = handler;
  // Without SA_RESTART a read that waits returns; the second signal finds the default action.
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  for (const int signal_number : {SIGINT, SIGTERM}) sigaction(signal_number, &action, nullptr);
}

}  // namespace

InterruptGuard::InterruptGuard() {
  interrupted = 0;
  set_handler(note_interrupt);
}

InterruptGuard::~InterruptGuard() {
  interrupted = 0;
  set_handler(SIG_DFL);
}

bool interrupt_requested() { return interrupted != 0; }

void check_interrupt() {
  if (interrupt_requested()) throw Error(ErrorCode::kCancelled, "interrupted");
}

}  // namespace nestvec
