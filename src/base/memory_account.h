// SPDX-License-Identifier: Apache-2.0
// Memory that many may ask for and that has a limit: it is taken before it is allocated and given
// back when it is freed.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

namespace nestvec {

// Safe for concurrent use. Counts bytes; allocates nothing but in of_client().
//
// An account has a part of a quarter (part_of), and every client has an account of its own within
// it (of_client), with a part within the part. What is taken from any of them is taken from those
// that it is in, too.
//
// A client may hold kTimes as much as it leaves free (Choudhury and Hahne, 1998): one alone three
// quarters, two three sevenths each, and there is always room for the next. While others wait
// (MemoryWait) it may take more only if it then holds no more than it leaves free.
class MemoryAccount {
 public:
  static constexpr std::size_t kTimes = 3;

  // `option` names what sets the limit, for messages: "server.request_memory". 0 = no limit; bytes
  // are then only counted.
  MemoryAccount(std::string option, std::size_t limit);
  // For part_of() and of_client().
  struct Within {
    MemoryAccount* whole = nullptr;             // of a part
    MemoryAccount* pool = nullptr;              // of a client: what it has a share of
    std::shared_ptr<MemoryAccount> owner = {};  // of a client: keeps the pool alive
    std::optional<std::uint64_t> client = {};   // its number, not of its part
  };
  MemoryAccount(Within within, std::size_t limit);
  MemoryAccount(const MemoryAccount&) = delete;
  MemoryAccount& operator=(const MemoryAccount&) = delete;
  ~MemoryAccount();

  // A quarter of the account, with the same life: what is taken from it is taken from both.
  static std::shared_ptr<MemoryAccount> part_of(const std::shared_ptr<MemoryAccount>& whole);
  // The account of a client within `account`, or within the one that `account`, of a client itself,
  // is in. There is one as long as somebody has it. Null for null.
  static std::shared_ptr<MemoryAccount> of_client(const std::shared_ptr<MemoryAccount>& account,
                                                  std::uint64_t client);

  // Takes `bytes`, or nothing where less than `keep_free` would be left, of the whole where this is
  // a part, or a client would hold more than its share. MemoryShare gives them back by itself.
  bool try_take(std::size_t bytes, std::size_t keep_free = 0) noexcept;
  // Takes `bytes` that something else bounds, beyond the limit where need be: the others then get
  // less.
  void take(std::size_t bytes) noexcept;
  void give(std::size_t bytes) noexcept;

  // Whether try_take() would take them. For those who wait: no refusal is counted.
  bool has_room(std::size_t bytes, std::size_t keep_free = 0) const noexcept;
  // The most that could be held when nobody else holds anything.
  std::size_t most(std::size_t keep_free = 0) const noexcept;
  bool could_hold(std::size_t bytes, std::size_t keep_free = 0) const noexcept {
    return bytes <= most(keep_free);
  }

  const std::string& option() const noexcept {
    const MemoryAccount& own = base();
    return own.pool_ ? own.pool_->option_ : own.option_;
  }
  // Of all clients together.
  std::size_t limit() const noexcept {
    return pool_ ? pool_->limit() : limit_.load(std::memory_order_relaxed);
  }
  // What is held stays held. Not of a client.
  void set_limit(std::size_t bytes) noexcept;
  std::size_t used() const noexcept { return used_.load(std::memory_order_relaxed); }
  // What all clients have together.
  std::size_t used_by_all() const noexcept { return pool_ ? pool_->used() : used(); }
  std::size_t peak() const noexcept { return peak_.load(std::memory_order_relaxed); }
  // The most that was held since this was asked last.
  std::size_t take_recent_peak() noexcept;
  // How often try_take() said no, or who had waited was refused: of all clients together.
  void count_refusal() noexcept { root().refusals_.fetch_add(1, std::memory_order_relaxed); }
  std::uint64_t refusals() const noexcept { return refusals_.load(std::memory_order_relaxed); }

 private:
  friend class MemoryWait;

  MemoryAccount& root() noexcept;
  // A client's or, without clients, the whole.
  const MemoryAccount& base() const noexcept { return whole_ ? *whole_ : *this; }
  bool others_wait() const noexcept;
  bool within_share(std::size_t bytes, std::size_t keep_free) const noexcept;
  bool take_limited(std::size_t bytes, std::size_t keep_free) noexcept;
  bool take_own(std::size_t bytes, std::size_t keep_free) noexcept;
  void add_own(std::size_t bytes) noexcept;
  void give_own(std::size_t bytes) noexcept;

  const std::string option_;
  std::atomic<std::size_t> limit_;
  std::atomic<std::size_t> used_{0};
  std::atomic<std::size_t> peak_{0};
  std::atomic<std::size_t> recent_peak_{0};
  std::atomic<std::uint64_t> refusals_{0};
  std::atomic<std::size_t> waiting_{0};
  MemoryAccount* const whole_ = nullptr;
  MemoryAccount* const pool_ = nullptr;
  const std::shared_ptr<MemoryAccount> owner_;
  const std::optional<std::uint64_t> client_;
  std::unique_ptr<MemoryAccount> part_;
  std::mutex mutex_;  // guards clients_
  std::unordered_map<std::uint64_t, std::weak_ptr<MemoryAccount>> clients_;
};

// Somebody waits for memory of a client's account, as long as this lives.
class MemoryWait {
 public:
  explicit MemoryWait(std::shared_ptr<MemoryAccount> account) noexcept;
  MemoryWait(const MemoryWait&) = delete;
  MemoryWait& operator=(const MemoryWait&) = delete;
  ~MemoryWait();

 private:
  const std::shared_ptr<MemoryAccount> account_;
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
