// SPDX-License-Identifier: Apache-2.0
#include "base/memory_account.h"

#include <cassert>

namespace nestvec {

bool MemoryAccount::try_take(std::size_t bytes) noexcept {
  std::size_t used = used_.load(std::memory_order_relaxed);
  do {
    if (limit_ > 0 && bytes > limit_ - used) {
      refusals_.fetch_add(1, std::memory_order_relaxed);
      return false;
    }
  } while (!used_.compare_exchange_weak(used, used + bytes, std::memory_order_relaxed));
  std::size_t peak = peak_.load(std::memory_order_relaxed);
  while (peak < used + bytes &&
         !peak_.compare_exchange_weak(peak, used + bytes, std::memory_order_relaxed)) {
  }
  return true;
}

void MemoryAccount::give(std::size_t bytes) noexcept {
  [[maybe_unused]] const std::size_t before = used_.fetch_sub(bytes, std::memory_order_relaxed);
  assert(before >= bytes);
}

std::optional<MemoryShare> MemoryShare::take(std::shared_ptr<MemoryAccount> account,
                                             std::size_t bytes) {
  MemoryShare share;
  share.account_ = std::move(account);
  if (!share.try_grow(bytes)) return std::nullopt;
  return share;
}

bool MemoryShare::try_grow(std::size_t bytes) noexcept {
  if (!account_) return true;
  if (!account_->try_take(bytes)) return false;
  bytes_ += bytes;
  return true;
}

void MemoryShare::shrink(std::size_t bytes) noexcept {
  if (bytes_ <= bytes) return;
  account_->give(bytes_ - bytes);
  bytes_ = bytes;
}

}  // namespace nestvec
