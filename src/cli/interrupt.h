// SPDX-License-Identifier: Apache-2.0
// Ctrl-C while a file is half-written.
#pragma once

namespace nestvec {

// While one lives, the first SIGINT or SIGTERM is remembered instead of ending the process, so that
// what was begun can be taken back; the second ends it. One at a time. Not thread-safe.
class InterruptGuard {
 public:
  InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;
  ~InterruptGuard();
};

// Whether a guarded signal has come.
bool interrupt_requested();

// Throws Error kCancelled once a guarded signal has come.
void check_interrupt();

}  // namespace nestvec
