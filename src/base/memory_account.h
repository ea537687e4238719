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
  MemoryAccount(std::string option, std::size_t limit)
      : option_(std::move(option)), limit_(limit) {}
  MemoryAccount(const MemoryAccount&) = delete;
  MemoryAccount& operator=(const MemoryAccount&) = delete;

  // Takes `bytes`, or nothing where they exceed what is left. MemoryShare gives them back by
  // itself.
  bool try_take(std::size_t bytes) noexcept;
  void give(std::size_t bytes) noexcept;

  // Whether so many bytes fit when nobody else holds any.
  bool could_hold(std::size_t bytes) const noexcept { return limit_ == 0 || bytes <= limit_; }

  const std::string& option() const noexcept { return option_; }
  std::size_t limit() const noexcept { return limit_; }
  std::size_t used() const noexcept { return used_.load(std::memory_order_relaxed); }
  std::size_t peak() const noexcept { return peak_.load(std::memory_order_relaxed); }
  // How often try_take() said no.
  std::uint64_t refusals() const noexcept { return refusals_.load(std::memory_order_relaxed); }

 private:
  const std::string option_;
  const std::size_t limit_;
  std::atomic<std::size_t> used_{0};
  std::atomic<std::size_t> peak_{0};
  std::atomic<std::uint64_t> refusals_{0};
};

// Bytes of an account, given back when it ends. Keeps the account alive.
class MemoryShare {
 public:
  MemoryShare() = default;
  // Empty where the account has no room. Without an account, a share of nothing.
  static std::optional<MemoryShare> take(std::shared_ptr<MemoryAccount> account, std::size_t bytes);

  MemoryShare(MemoryShare&& other) noexcept
      : account_(std::move(other.account_)), bytes_(std::exchange(other.bytes_, 0)) {}
  MemoryShare& operator=(MemoryShare&& other) noexcept {
    std::swap(account_, other.account_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~MemoryShare() { shrink(0); }

  // More of the same account; false, and nothing changes, where it has no room.
  bool try_grow(std::size_t bytes) noexcept;
  // Gives back what exceeds `bytes`.
  void shrink(std::size_t bytes) noexcept;

  std::size_t bytes() const noexcept { return bytes_; }

 private:
  std::shared_ptr<MemoryAccount> account_;
  std::size_t bytes_ = 0;
};

}  // namespace nestvec
