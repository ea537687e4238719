// SPDX-License-Identifier: Apache-2.0
#include "base/memory_account.h"

#include <algorithm>
#include <cassert>
#include <limits>
#include <utility>

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

MemoryAccount::MemoryAccount(std::string option, std::size_t limit)
    : option_(std::move(option)),
      limit_(limit),
      part_(std::make_unique<MemoryAccount>(Within{.whole = this}, limit / 4)) {}

MemoryAccount::MemoryAccount(Within within, std::size_t limit)
    : limit_(limit),
      whole_(within.whole),
      pool_(within.pool),
      owner_(std::move(within.owner)),
      client_(within.client) {
  if (!client_) return;
  part_ = std::make_unique<MemoryAccount>(Within{.whole = this, .pool = pool_->part_.get()}, 0);
}

MemoryAccount::~MemoryAccount() {
  if (!client_) return;
  const std::lock_guard lock(owner_->mutex_);
  const auto found = owner_->clients_.find(*client_);
  // Somebody may have made the next of this number meanwhile.
  if (found != owner_->clients_.end() && found->second.expired()) owner_->clients_.erase(found);
}

std::shared_ptr<MemoryAccount> MemoryAccount::part_of(const std::shared_ptr<MemoryAccount>& whole) {
  return whole ? std::shared_ptr<MemoryAccount>(whole, whole->part_.get()) : nullptr;
}

std::shared_ptr<MemoryAccount> MemoryAccount::of_client(
    const std::shared_ptr<MemoryAccount>& account, std::uint64_t client) {
  if (!account || account->client_ == client) return account;
  const std::shared_ptr<MemoryAccount>& all = account->owner_ ? account->owner_ : account;
  // What is let go of last must not be let go of with the lock held.
  std::shared_ptr<MemoryAccount> found;
  const std::lock_guard lock(all->mutex_);
  const auto entry = all->clients_.find(client);
  if (entry != all->clients_.end()) found = entry->second.lock();
  if (!found) {
    found = std::make_shared<MemoryAccount>(
        Within{.pool = all.get(), .owner = all, .client = client}, 0);
    all->clients_[client] = found;
  }
  return found;
}

MemoryAccount& MemoryAccount::root() noexcept {
  MemoryAccount& client = whole_ ? *whole_ : *this;
  return client.pool_ ? *client.pool_ : client;
}

bool MemoryAccount::others_wait() const noexcept {
  const MemoryAccount& own = base();
  if (own.pool_ == nullptr) return false;
  return own.pool_->waiting_.load(std::memory_order_relaxed) >
         own.waiting_.load(std::memory_order_relaxed);
}

bool MemoryAccount::within_share(std::size_t bytes, std::size_t keep_free) const noexcept {
  const std::size_t limit = pool_->limit();
  if (limit == 0) return true;
  const std::size_t taken = pool_->used() + std::min(keep_free, limit);
  if (taken > limit || bytes > limit - taken) return false;
  const std::size_t room = limit - taken - bytes;
  return used() + bytes <= room * (others_wait() ? 1 : kTimes);
}

bool MemoryAccount::take_limited(std::size_t bytes, std::size_t keep_free) noexcept {
  std::size_t used = used_.load(std::memory_order_relaxed);
  do {
    if (!fits(bytes, keep_free, limit(), used)) return false;
  } while (!used_.compare_exchange_weak(used, used + bytes, std::memory_order_relaxed));
  raise_to(peak_, used + bytes);
  raise_to(recent_peak_, used + bytes);
  return true;
}

bool MemoryAccount::take_own(std::size_t bytes, std::size_t keep_free) noexcept {
  if (pool_ == nullptr) return take_limited(bytes, keep_free);
  if (!within_share(bytes, keep_free) || !pool_->take_limited(bytes, keep_free)) return false;
  used_.fetch_add(bytes, std::memory_order_relaxed);
  return true;
}

void MemoryAccount::add_own(std::size_t bytes) noexcept {
  const std::size_t used = used_.fetch_add(bytes, std::memory_order_relaxed) + bytes;
  raise_to(peak_, used);
  raise_to(recent_peak_, used);
  if (pool_ != nullptr) pool_->add_own(bytes);
}

void MemoryAccount::give_own(std::size_t bytes) noexcept {
  [[maybe_unused]] const std::size_t before = used_.fetch_sub(bytes, std::memory_order_relaxed);
  assert(before >= bytes);
  if (pool_ != nullptr) pool_->give_own(bytes);
}

bool MemoryAccount::try_take(std::size_t bytes, std::size_t keep_free) noexcept {
  if (!take_own(bytes, whole_ == nullptr ? keep_free : 0)) {
    count_refusal();
    return false;
  }
  if (whole_ == nullptr || whole_->try_take(bytes, keep_free)) return true;
  give_own(bytes);
  return false;
}

void MemoryAccount::take(std::size_t bytes) noexcept {
  add_own(bytes);
  if (whole_ != nullptr) whole_->take(bytes);
}

void MemoryAccount::give(std::size_t bytes) noexcept {
  give_own(bytes);
  if (whole_ != nullptr) whole_->give(bytes);
}

bool MemoryAccount::has_room(std::size_t bytes, std::size_t keep_free) const noexcept {
  const std::size_t own_keep = whole_ == nullptr ? keep_free : 0;
  const bool own =
      pool_ != nullptr ? within_share(bytes, own_keep) : fits(bytes, own_keep, limit(), used());
  return own && (whole_ == nullptr || whole_->has_room(bytes, keep_free));
}

std::size_t MemoryAccount::most(std::size_t keep_free) const noexcept {
  if (limit() == 0) return std::numeric_limits<std::size_t>::max();
  const std::size_t room = limit() - std::min(limit(), whole_ == nullptr ? keep_free : 0);
  const std::size_t own = pool_ != nullptr ? room / (kTimes + 1) * kTimes : room;
  return whole_ == nullptr ? own : std::min(own, whole_->most(keep_free));
}

void MemoryAccount::set_limit(std::size_t bytes) noexcept {
  limit_.store(bytes, std::memory_order_relaxed);
  if (part_) part_->set_limit(bytes / 4);
}

std::size_t MemoryAccount::take_recent_peak() noexcept {
  return recent_peak_.exchange(used(), std::memory_order_relaxed);
}

MemoryWait::MemoryWait(std::shared_ptr<MemoryAccount> account) noexcept
    : account_(std::move(account)) {
  if (!account_) return;
  account_->waiting_.fetch_add(1, std::memory_order_relaxed);
  if (account_->pool_) account_->pool_->waiting_.fetch_add(1, std::memory_order_relaxed);
}

MemoryWait::~MemoryWait() {
  if (!account_) return;
  if (account_->pool_) account_->pool_->waiting_.fetch_sub(1, std::memory_order_relaxed);
  account_->waiting_.fetch_sub(1, std::memory_order_relaxed);
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
