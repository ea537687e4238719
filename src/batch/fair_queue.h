// SPDX-License-Identifier: Apache-2.0
// Who comes next: jobs of many clients, waiting for a model that runs one batch after another.
//
// Two classes wait apart. A batch takes interactive sequences first and fills the rest with bulk
// ones; bulk that was passed over for kBulkPatience gets a share of its own. Within a class clients
// share tokens evenly (start-time fair queuing: Goyal, Vin and Cheng, 1996), each in the order in
// which it asked.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <tuple>
#include <unordered_map>
#include <vector>

namespace nestvec {

// One sequence that is taken.
struct Waiting {
  std::uint64_t job = 0;    // whose it is
  std::uint32_t index = 0;  // which of the job's sequences
  std::size_t tokens = 0;
};

// What waits of one class.
struct ClassLoad {
  std::size_t texts = 0;
  std::size_t tokens = 0;
  std::size_t clients = 0;
};

// Not thread-safe. With c clients that wait, push() and remove() cost O(log c) beside the freeing
// of a job's memory, whatever else waits; take() costs O(log c) for each sequence that it takes and
// each of the kLookPast clients at most that it passes over.
class FairQueue {
 public:
  using Clock = std::chrono::steady_clock;

  static constexpr std::chrono::seconds kBulkPatience{2};
  // Clients whose next sequence does not fit into what is left of a batch, until it is closed.
  static constexpr std::size_t kLookPast = 64;

  // A job's sequences by their tokens. Precondition: there is at least one, and no job of this
  // number waits. Where memory runs out nothing has changed.
  void push(std::uint64_t client, bool bulk, std::uint64_t job, std::vector<std::uint32_t> tokens,
            Clock::time_point now);

  // Takes the next batch: at most `max_tokens`, but for the first sequence, which is always taken.
  // One that does not fit lets smaller ones of others pass and begins a later batch. Throws
  // bad_alloc without memory for the first, with nothing changed; without more it takes fewer.
  std::vector<Waiting> take(std::size_t max_tokens, Clock::time_point now);
  // Takes interactive sequences alone: at most `max_tokens`, but for the first, which may have
  // `longest`.
  std::vector<Waiting> take_interactive(std::size_t max_tokens, std::size_t longest,
                                        Clock::time_point now);

  // Drops what waits of a job, if anything does.
  void remove(std::uint64_t job) noexcept;

  // The model has nothing to do: what clients were served so far no longer counts.
  void forget_served() noexcept;

  bool empty() const noexcept { return places_.empty(); }
  std::size_t size() const noexcept { return interactive_.texts + bulk_.texts; }
  std::size_t tokens() const noexcept { return interactive_.tokens + bulk_.tokens; }
  ClassLoad load(bool bulk) const noexcept;
  // Tokens of a client that wait in a class.
  std::size_t tokens_of(std::uint64_t client, bool bulk) const noexcept;

 private:
  struct Job {
    std::uint64_t id = 0;
    std::vector<std::uint32_t> tokens;
    std::uint32_t next = 0;  // the first that waits
    std::size_t tokens_left = 0;
  };

  // The place of a client in the order: by virtual time, then by arrival.
  using Key = std::tuple<std::uint64_t, std::uint64_t, std::uint64_t>;  // served, arrival, client

  using Order = std::set<Key>;

  struct Client {
    std::map<std::uint64_t, Job> jobs;  // by the number of their arrival
    std::uint64_t served = 0;           // virtual time at which the next sequence may start
    std::size_t tokens = 0;
  };

  struct Class {
    // Those that have something waiting, and those that were served beyond the virtual time and
    // must not begin anew before it.
    std::unordered_map<std::uint64_t, Client> clients;
    Order order;    // of those that wait
    Order resting;  // of the others; arrival 0
    std::uint64_t virtual_time = 0;
    Clock::time_point neglected_since{};  // while something waits: the last time it was served
    std::size_t texts = 0;
    std::size_t tokens = 0;
  };

  struct Place {
    std::uint64_t client = 0;
    std::uint64_t arrival = 0;
    bool bulk = false;
  };

  struct Batch {
    std::vector<Waiting> taken;
    std::size_t tokens = 0;
    std::size_t longest = SIZE_MAX;  // of its first sequence
  };

  static Key key_of(std::uint64_t name, const Client& client);
  static Order::iterator settle(Class& in, std::uint64_t name, Order::node_type node) noexcept;
  static void release(Class& in) noexcept;
  static bool make_room(std::vector<Waiting>& taken);
  void fill(Class& from, std::size_t max_tokens, Clock::time_point now, Batch& batch);
  Waiting take_next(Class& from, Client& client) noexcept;

  Class interactive_;
  Class bulk_;
  std::unordered_map<std::uint64_t, Place> places_;  // of the jobs that wait
  std::uint64_t arrivals_ = 0;
};

}  // namespace nestvec
