// SPDX-License-Identifier: Apache-2.0
// Gives memory back to the system after a burst of requests.
#pragma once

#include <cstddef>
#include <memory>

#include "base/memory_account.h"
#include "service/timer_thread.h"

namespace nestvec {

// Whether the heap is to be trimmed, once a second: a burst has ended, and the moment is quiet.
class TrimWatch {
 public:
  // Less is not worth the work, unless nothing else is to be done: small bursts, each of which
  // leaves a little in another place, add up.
  static constexpr std::size_t kWorthwhile = std::size_t{32} << 20;
  static constexpr std::size_t kLittle = std::size_t{1} << 20;
  static constexpr int kLongQuiet = 5;  // looks

  // `peak` is the most that was used since the last call, `used` what is now.
  bool is_due(std::size_t peak, std::size_t used);

 private:
  std::size_t freed_from_ = 0;  // the highest use since the last trim
  int quiet_looks_ = 0;         // one after another
};

// Looks at the account once a second, on the timer's thread, as long as it lives. No request waits
// for it, but for the locks of the heap, one after another.
class MemoryTrimmer {
 public:
  // The timer must outlive it.
  MemoryTrimmer(TimerThread& timer, std::shared_ptr<MemoryAccount> account);
  MemoryTrimmer(const MemoryTrimmer&) = delete;
  MemoryTrimmer& operator=(const MemoryTrimmer&) = delete;
  ~MemoryTrimmer();

 private:
  struct State;
  static void look_later(const std::shared_ptr<State>& state);

  const std::shared_ptr<State> state_;  // of a look that runs, too
};

// Gives what the heap holds and nobody uses back to the system, where the C library can.
void trim_heap();

// Of all threads to come: a single heap. The C library's heaps of single threads keep the end of
// what they have grown to, up to 64 MiB each, whatever trim_heap() asks. Small pieces come from a
// cache of each thread, so that they seldom meet.
void use_one_heap();

}  // namespace nestvec
