// SPDX-License-Identifier: Apache-2.0
#include "base/thread_signals.h"

#include <csignal>

namespace nestvec {

void block_signals_in_this_thread() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

}  // namespace nestvec
