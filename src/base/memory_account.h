// SPDX-License-Identifier: Apache-2.0
// Memory that many may ask for and that has a limit: it is taken before it is allocated and given
// back when it is freed.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace nestvec {

// Safe for concurrent use. Counts bytes; allocates nothing.
class MemoryAccount {
 public:
  // `option` names what sets the limit, for messages: "server.request_memory". 0 = no limit; bytes
  // are then only counted.
  MemoryAccount(const std::string& option, std::size_t limit)
      : option_(option), limit_(limit), part_(std::make_unique<MemoryAccount>(*this, limit / 4)) {}
  // For part_of().
  MemoryAccount(MemoryAccount& whole, std::size_t limit)
      : option_(whole.option_), limit_(limit), whole_(&whole) {}
  MemoryAccount(const MemoryAccount&) = delete;
  MemoryAccount& operator=(const MemoryAccount&) = delete;

  // A quarter of the account, with the same life: what is taken from it is taken from both.
  static std::shared_ptr<MemoryAccount> part_of(const std::shared_ptr<MemoryAccount>& whole) {
    return whole ? std::shared_ptr<MemoryAccount>(whole, whole->part_.get()) : nullptr;
  }

  // Takes `bytes`, or nothing where less than `keep_free` would be left, of the whole where this is
  // a part. MemoryShare gives them back by itself.
  bool try_take(std::size_t bytes, std::size_t keep_free = 0) noexcept;
  // Takes `bytes` that something else bounds, beyond the limit where need be: the others then get
  // less.
  void take(std::size_t bytes) noexcept;
  void give(std::size_t bytes) noexcept;

  // Whether try_take() would take them. For those who wait: no refusal is counted.
  bool has_room(std::size_t bytes, std::size_t keep_free = 0) const noexcept;
  // Whether so many bytes fit when nobody else holds any.
  bool could_hold(std::size_t bytes, std::size_t keep_free = 0) const noexcept;

  const std::string& option() const noexcept { return option_; }
  std::size_t limit() const noexcept { return limit_.load(std::memory_order_relaxed); }
  // What is held stays held.
  void set_limit(std::size_t bytes) noexcept {
    limit_.store(bytes, std::memory_order_relaxed);
    if (part_) part_->set_limit(bytes / 4);
  }
  std::size_t used() const noexcept { return used_.load(std::memory_order_relaxed); }
  std::size_t peak() const noexcept { return peak_.load(std::memory_order_relaxed); }
  // The most that was held since this was asked last.
  std::size_t take_recent_peak() noexcept;
  // How often try_take() said no, or who had waited was refused.
  void count_refusal() noexcept { refusals_.fetch_add(1, std::memory_order_relaxed); }
  std::uint64_t refusals() const noexcept { return refusals_.load(std::memory_order_relaxed); }

 private:
  bool take_own(std::size_t bytes, std::size_t keep_free) noexcept;
  void note(std::size_t used) noexcept;

  const std::string option_;
  std::atomic<std::size_t> limit_;
  std::atomic<std::size_t> used_{0};
  std::atomic<std::size_t> peak_{0};
  std::atomic<std::size_t> recent_peak_{0};
  std::atomic<std::uint64_t> refusals_{0};
  MemoryAccount* const whole_ = nullptr;
  const std::unique_ptr<MemoryAccount> part_;
};

// Bytes of an account, given back when it ends. Keeps the account alive.
class MemoryShare {
 public:
  MemoryShare() = default;
  // Of nothing yet.
  explicit MemoryShare(std::shared_ptr<MemoryAccount> account) : account_(std::move(account)) {}
  // Empty where the account has no room, as MemoryAccount::try_take(). Without an account, a share
  // of nothing.
  static std::optional<MemoryShare> take(std::shared_ptr<MemoryAccount> account, std::size_t bytes,
                                         std::size_t keep_free = 0);

  MemoryShare(MemoryShare&& other) noexcept
      : account_(std::move(other.account_)), bytes_(std::exchange(other.bytes_, 0)) {}
  MemoryShare& operator=(MemoryShare&& other) noexcept {
    std::swap(account_, other.account_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~MemoryShare() { shrink(0); }

  // More of the same account; false, and nothing changes, where it has no room.
  bool try_grow(std::size_t bytes, std::size_t keep_free = 0) noexcept;
  // As MemoryAccount::take().
  void grow(std::size_t bytes) noexcept;
  // Adds what `other` has, of the same account or of nothing.
  void absorb(MemoryShare other) noexcept;
  // Gives back what exceeds `bytes`.
  void shrink(std::size_t bytes) noexcept;

  std::size_t bytes() const noexcept { return bytes_; }
  const std::shared_ptr<MemoryAccount>& account() const noexcept { return account_; }

 private:
  std::shared_ptr<MemoryAccount> account_;
  std::size_t bytes_ = 0;
};

}  // namespace nestvec
