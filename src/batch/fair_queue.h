// SPDX-License-Identifier: Apache-2.0
// Who comes next: jobs of many clients, waiting for models that share one thread, which runs one
// batch after another.
//
// Two classes wait apart. A batch takes interactive sequences first and fills the rest with bulk
// ones; bulk that was passed over for kBulkPatience gets a turn, but no two in a row while
// interactive sequences wait. Within a class clients share the time evenly (start-time fair
// queuing: Goyal, Vin and Cheng, 1996), each in the order in which it asked. A lane is what waits
// for one model: a batch is of one lane, and a client with work in several has them served in turn.
#pragma once

#include <chrono>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <unordered_map>
#include <vector>

namespace nestvec {

// The number of a lane; small, since it is an index.
using LaneId = std::uint32_t;

// One sequence that is taken.
struct Waiting {
  std::uint64_t job = 0;    // whose it is
  std::uint32_t index = 0;  // which of the job's sequences
  std::size_t tokens = 0;
};

// What waits of one class in a lane.
struct ClassLoad {
  std::size_t texts = 0;
  std::size_t tokens = 0;
  std::size_t clients = 0;
};

// Where a job waits.
struct QueuePlace {
  std::uint64_t client = 0;
  bool bulk = false;
  LaneId lane = 0;
};

// Not thread-safe. With c clients that wait and l lanes, push() and remove() cost O(l log c) beside
// the freeing of a job's memory, whatever else waits; take() costs O(l log c) for each sequence
// that it takes and each of the kLookPast clients at most that it passes over, but O(log c) for
// clients that wait in one lane.
class FairQueue {
 public:
  using Clock = std::chrono::steady_clock;

  static constexpr std::chrono::seconds kBulkPatience{2};
  // Clients whose next sequence does not fit into what is left of a batch, until it is closed.
  static constexpr std::size_t kLookPast = 64;

  // A job's sequences by their tokens. Precondition: there is at least one, and no job of this
  // number waits. Where memory runs out nothing has changed.
  void push(const QueuePlace& place, std::uint64_t job, std::vector<std::uint32_t> tokens,
            Clock::time_point now);

  // What a token of a lane costs a client, in any unit that is the same for all lanes; 1 at first.
  void set_cost(LaneId lane, std::uint64_t cost_per_token);

  // The lane whose turn it is; nullopt where nothing waits (no interactive sequence).
  std::optional<LaneId> next_lane(Clock::time_point now) const noexcept;
  std::optional<LaneId> next_interactive_lane() const noexcept;

  // Takes the next batch of a lane: at most `max_tokens`, but for the first sequence, which is
  // always taken. One that does not fit lets smaller ones of others pass and begins a later batch.
  // Throws bad_alloc without memory for the first, with nothing changed; without more it takes
  // fewer.
  std::vector<Waiting> take(std::size_t max_tokens, Clock::time_point now, LaneId lane = 0);
  // Takes interactive sequences alone: at most `max_tokens`, but for the first, which may have
  // `longest`.
  std::vector<Waiting> take_interactive(std::size_t max_tokens, std::size_t longest,
                                        Clock::time_point now, LaneId lane = 0);

  // Drops what waits of a job, if anything does.
  void remove(std::uint64_t job) noexcept;

  // The models have nothing to do: what clients were served so far no longer counts.
  void forget_served() noexcept;

  bool empty() const noexcept { return places_.empty(); }
  // Of all lanes, and of one.
  std::size_t size() const noexcept;
  std::size_t tokens() const noexcept;
  ClassLoad load(bool bulk, LaneId lane = 0) const noexcept;
  // Whether anything interactive waits in any lane.
  bool interactive_waits() const noexcept { return next_interactive_lane().has_value(); }
  // Clients that wait in any lane of a class.
  std::size_t clients(bool bulk) const noexcept;
  // Tokens of a client that wait in a class of a lane.
  std::size_t tokens_of(std::uint64_t client, bool bulk, LaneId lane = 0) const noexcept;

 private:
  struct Job {
    std::uint64_t id = 0;
    std::vector<std::uint32_t> tokens;
    std::uint32_t next = 0;  // the first that waits
    std::size_t tokens_left = 0;
  };

  // What a client has in one lane.
  struct Flow {
    LaneId lane = 0;
    std::map<std::uint64_t, Job> jobs;  // by the number of their arrival
    std::uint64_t served = 0;           // as the client's, among its flows
    std::size_t tokens = 0;
  };

  // The place of a flow in the order of its lane: by the client's virtual time, then by its own
  // among the client's, then by arrival.
  struct Key {
    std::uint64_t served = 0;
    std::uint64_t flow_served = 0;
    std::uint64_t arrival = 0;
    std::uint64_t client = 0;
    auto operator<=>(const Key&) const = default;
  };

  using Order = std::set<Key>;

  struct Client {
    std::vector<Flow> flows;      // one a lane in which it has waited; mostly one
    std::uint64_t served = 0;     // virtual time at which the next sequence may start
    std::uint64_t flow_time = 0;  // virtual time of its flows
    std::size_t waiting_flows = 0;
    Flow* find(LaneId lane) noexcept;
    const Flow* find(LaneId lane) const noexcept;
  };

  // What waits of a class in a lane.
  struct ClassLane {
    Order order;
    Clock::time_point neglected_since{};  // while something waits: the last time it was served
    std::size_t texts = 0;
    std::size_t tokens = 0;
  };

  struct Class {
    // Those that have something waiting, and those that were served beyond the virtual time and
    // must not begin anew before it.
    std::unordered_map<std::uint64_t, Client> clients;
    std::vector<ClassLane> lanes;
    Order resting;  // clients without anything waiting; arrival 0
    std::uint64_t virtual_time = 0;
  };

  struct Place {
    QueuePlace at;
    std::uint64_t arrival = 0;
  };

  struct Batch {
    std::vector<Waiting> taken;
    std::size_t tokens = 0;
    std::size_t longest = SIZE_MAX;  // of its first sequence
  };

  static Key key_of(std::uint64_t name, const Client& client, const Flow& flow) noexcept;
  static std::optional<LaneId> first_lane(const Class& in) noexcept;
  static void move_flows(Class& in, std::uint64_t name, std::uint64_t before,
                         const Flow& but) noexcept;
  static Order::iterator settle(Class& in, std::uint64_t name, Flow& flow,
                                Order::node_type node) noexcept;
  static void release(Class& in) noexcept;
  static bool make_room(std::vector<Waiting>& taken);
  static bool is_neglected(const ClassLane& lane, Clock::time_point now) noexcept;
  void add(Class& to, const QueuePlace& place, std::uint64_t arrival, std::uint64_t job,
           std::vector<std::uint32_t> tokens);
  void make_lane(LaneId lane);
  void fill(Class& from, LaneId lane, std::size_t max_tokens, Clock::time_point now, Batch& batch);
  Waiting take_next(Class& from, Client& client, Flow& flow) noexcept;
  const Class& class_of(bool bulk) const noexcept { return bulk ? bulk_ : interactive_; }
  Class& class_of(bool bulk) noexcept { return bulk ? bulk_ : interactive_; }

  Class interactive_;
  Class bulk_;
  std::vector<std::uint64_t> costs_{1};              // of a token, by lane
  bool interactive_is_next_ = false;                 // after a turn of neglected bulk
  std::unordered_map<std::uint64_t, Place> places_;  // of the jobs that wait
  std::uint64_t arrivals_ = 0;
};

}  // namespace nestvec
