// SPDX-License-Identifier: Apache-2.0
// Who comes next: sequences of many callers, waiting for a model that runs one batch after another.
//
// Two classes wait apart. A batch takes interactive sequences first and fills the rest with bulk
// ones; bulk that was passed over for kBulkPatience gets a share of its own. Within a class clients
// share tokens evenly (start-time fair queuing: Goyal, Vin and Cheng, 1996), each in the order in
// which it asked.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <utility>
#include <vector>

namespace nestvec {

// One sequence that waits.
struct Waiting {
  std::uint64_t job = 0;    // whose it is
  std::uint32_t index = 0;  // which of the job's sequences
  std::size_t tokens = 0;
};

// Not thread-safe.
class FairQueue {
 public:
  using Clock = std::chrono::steady_clock;

  static constexpr std::chrono::seconds kBulkPatience{2};

  void push(std::uint64_t client, bool bulk, const Waiting& waiting, Clock::time_point now);

  // Takes the next batch: at most `max_tokens`, but for the first sequence, which is always taken.
  // One that does not fit lets smaller ones of others pass and begins a later batch.
  std::vector<Waiting> take(std::size_t max_tokens, Clock::time_point now);

  // Drops what waits of a job. Linear in the client's queue.
  void remove(std::uint64_t job);

  bool empty() const noexcept { return size_ == 0; }
  std::size_t size() const noexcept { return size_; }
  std::size_t tokens() const noexcept { return tokens_; }

 private:
  struct Client {
    std::deque<std::pair<std::uint64_t, Waiting>> waiting;  // with the number of its arrival
    std::uint64_t served = 0;  // virtual time at which the next sequence may start
  };

  // The clients of one class that have something waiting.
  struct Class {
    std::map<std::uint64_t, Client> clients;
    std::uint64_t virtual_time = 0;
    Clock::time_point neglected_since{};  // while something waits: the last time it was served
  };

  struct Batch {
    std::vector<Waiting> taken;
    std::size_t tokens = 0;
  };

  void fill(Class& from, std::size_t max_tokens, Clock::time_point now, Batch& batch);

  Class interactive_;
  Class bulk_;
  std::uint64_t arrivals_ = 0;
  std::size_t size_ = 0;
  std::size_t tokens_ = 0;
};

}  // namespace nestvec
