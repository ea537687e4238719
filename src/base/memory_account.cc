// SPDX-License-Identifier: Apache-2.0
#include "base/memory_account.h"

#include <algorithm>
#include <cassert>

namespace nestvec {

namespace {

bool fits(std::size_t bytes, std::size_t keep_free, std::size_t limit, std::size_t used) {
  if (limit == 0) return true;
  const std::size_t taken = used + std::min(keep_free, limit);
  return taken <= limit && bytes <= limit - taken;
}

void raise_to(std::atomic<std::size_t>& most, std::size_t bytes) {
  std::size_t before = most.load(std::memory_order_relaxed);
  while (before < bytes && !most.compare_exchange_weak(before, bytes, std::memory_order_relaxed)) {
  }
}

}  // namespace

void MemoryAccount::note(std::size_t used) noexcept {
  raise_to(peak_, used);
  raise_to(recent_peak_, used);
}

bool MemoryAccount::take_own(std::size_t bytes, std::size_t keep_free) noexcept {
  std::size_t used = used_.load(std::memory_order_relaxed);
  do {
    if (!fits(bytes, keep_free, limit(), used)) {
      refusals_.fetch_add(1, std::memory_order_relaxed);
      return false;
    }
  } while (!used_.compare_exchange_weak(used, used + bytes, std::memory_order_relaxed));
  note(used + bytes);
  return true;
}

bool MemoryAccount::try_take(std::size_t bytes, std::size_t keep_free) noexcept {
  if (whole_ == nullptr) return take_own(bytes, keep_free);
  if (!take_own(bytes, 0)) {
    whole_->count_refusal();
    return false;
  }
  if (whole_->try_take(bytes, keep_free)) return true;
  used_.fetch_sub(bytes, std::memory_order_relaxed);
  return false;
}

void MemoryAccount::take(std::size_t bytes) noexcept {
  note(used_.fetch_add(bytes, std::memory_order_relaxed) + bytes);
  if (whole_ != nullptr) whole_->take(bytes);
}

bool MemoryAccount::has_room(std::size_t bytes, std::size_t keep_free) const noexcept {
  if (whole_ == nullptr) return fits(bytes, keep_free, limit(), used());
  return fits(bytes, 0, limit(), used()) && whole_->has_room(bytes, keep_free);
}

bool MemoryAccount::could_hold(std::size_t bytes, std::size_t keep_free) const noexcept {
  if (whole_ == nullptr) return fits(bytes, keep_free, limit(), 0);
  return fits(bytes, 0, limit(), 0) && whole_->could_hold(bytes, keep_free);
}

std::size_t MemoryAccount::take_recent_peak() noexcept {
  return recent_peak_.exchange(used(), std::memory_order_relaxed);
}

void MemoryAccount::give(std::size_t bytes) noexcept {
  [[maybe_unused]] const std::size_t before = used_.fetch_sub(bytes, std::memory_order_relaxed);
  assert(before >= bytes);
  if (whole_ != nullptr) whole_->give(bytes);
}

std::optional<MemoryShare> MemoryShare::take(std::shared_ptr<MemoryAccount> account,
                                             std::size_t bytes, std::size_t keep_free) {
  MemoryShare share(std::move(account));
  if (!share.try_grow(bytes, keep_free)) return std::nullopt;
  return share;
}

bool MemoryShare::try_grow(std::size_t bytes, std::size_t keep_free) noexcept {
  if (!account_) return true;
  if (!account_->try_take(bytes, keep_free)) return false;
  bytes_ += bytes;
  return true;
}

void MemoryShare::grow(std::size_t bytes) noexcept {
  if (!account_) return;
  account_->take(bytes);
  bytes_ += bytes;
}

void MemoryShare::absorb(MemoryShare other) noexcept {
  if (!other.account_) return;
  if (!account_) account_ = other.account_;
  assert(account_ == other.account_);
  bytes_ += std::exchange(other.bytes_, 0);
}

void MemoryShare::shrink(std::size_t bytes) noexcept {
  if (bytes_ <= bytes) return;
  account_->give(bytes_ - bytes);
  bytes_ = bytes;
}

}  // namespace nestvec
