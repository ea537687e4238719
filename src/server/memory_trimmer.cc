// SPDX-License-Identifier: Apache-2.0
#include "server/memory_trimmer.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <mutex>
#include <utility>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "service/alarm.h"

namespace nestvec {
namespace {

constexpr std::chrono::seconds kEach{1};

}  // namespace

void trim_heap() {
#ifdef __GLIBC__
  malloc_trim(0);
#endif
}

void use_one_heap() {
#ifdef __GLIBC__
  mallopt(M_ARENA_MAX, 1);
#endif
}

bool TrimWatch::is_due(std::size_t peak, std::size_t used) {
  freed_from_ = std::max({freed_from_, peak, used});
  const bool quiet = peak <= used + kWorthwhile / 4;  // since a second ago
  quiet_looks_ = quiet ? quiet_looks_ + 1 : 0;
  const std::size_t worthwhile = quiet_looks_ < kLongQuiet ? kWorthwhile : kLittle;
  if (!quiet || freed_from_ - used < worthwhile) return false;
  freed_from_ = used;
  return true;
}

struct MemoryTrimmer::State {
  TimerThread& timer;
  const std::shared_ptr<MemoryAccount> account;
  TrimWatch watch = {};
  std::mutex mutex = {};  // guards what follows
  bool ended = false;
  Alarm next = {};
};

MemoryTrimmer::MemoryTrimmer(TimerThread& timer, std::shared_ptr<MemoryAccount> account)
    : state_(std::make_shared<State>(timer, std::move(account))) {
  const std::lock_guard lock(state_->mutex);
  look_later(state_);
}

MemoryTrimmer::~MemoryTrimmer() {
  const std::lock_guard lock(state_->mutex);
  state_->ended = true;
  state_->next = Alarm();
}

// With the lock held.
void MemoryTrimmer::look_later(const std::shared_ptr<State>& state) {
  state->next = state->timer.after(kEach, [weak = std::weak_ptr(state)] {
    const auto alive = weak.lock();
    if (!alive) return;
    const std::lock_guard lock(alive->mutex);
    if (alive->ended) return;
    const std::size_t peak = alive->account->take_recent_peak();
    if (alive->watch.is_due(peak, alive->account->used())) trim_heap();
    look_later(alive);
  });
}

}  // namespace nestvec
