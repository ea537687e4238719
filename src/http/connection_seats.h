// SPDX-License-Identifier: Apache-2.0
// Who holds the connections that there may be, and which of them ends for somebody else's.
#pragma once

#include <array>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>

#include "http/io_loop.h"

namespace nestvec {

// Safe for concurrent use; each change costs O(log n) for n clients. Only take() allocates.
//
// When all seats are taken, a newcomer whose client has fewer gets one of the client that has most
// of those who have one to give: of its idle connections the one that has been idle for longest.
// Where nobody has any, it is one whose request has waited for its own client for kPatience: for
// the rest of its body, or until an answer is taken.
class ConnectionSeats {
 public:
  using Clock = Peer::Clock;
  static constexpr std::chrono::seconds kPatience{5};

  enum class Use : std::uint8_t {
    kIdle,     // no request of it is whole
    kAwaited,  // its client is to go on with a request, or to take an answer
    kWorking,  // a request is worked on: never given up
  };

 private:
  struct Client;
  struct Entry {
    Client* client = nullptr;
    bool given_up = false;
    Use use = Use::kWorking;
    Clock::time_point since{};
    std::weak_ptr<Peer> peer{};
    IoLoop* loop = nullptr;
    std::list<Entry>::iterator place{};  // its own
  };

 public:
  // Of one connection, which counts while this lives. Movable; the ConnectionSeats must outlive it.
  class Seat {
   public:
    Seat() = default;
    Seat(Seat&& other) noexcept
        : seats_(std::exchange(other.seats_, nullptr)), entry_(other.entry_) {}
    Seat& operator=(Seat&& other) noexcept {
      if (this != &other) {
        release();
        seats_ = std::exchange(other.seats_, nullptr);
        entry_ = other.entry_;
      }
      return *this;
    }
    ~Seat() { release(); }
    void release() noexcept;

    // Who is told to make way, on its loop. Before that, and before use(), it is not given up.
    // Throws std::bad_alloc.
    void belongs_to(std::weak_ptr<Peer> peer, IoLoop& loop);
    // The same use again changes nothing: it has been so since the first time.
    void use(Use use, Clock::time_point now) noexcept;

   private:
    friend class ConnectionSeats;
    Seat(ConnectionSeats& seats, Entry& entry) : seats_(&seats), entry_(&entry) {}

    ConnectionSeats* seats_ = nullptr;
    Entry* entry_ = nullptr;
  };

  explicit ConnectionSeats(std::size_t limit) : limit_(limit) {}
  ConnectionSeats(const ConnectionSeats&) = delete;
  ConnectionSeats& operator=(const ConnectionSeats&) = delete;

  // A seat for a connection of that client; where it is somebody else's, that one is told
  // Peer::make_way(). Nothing where nobody has one to give. Throws std::bad_alloc, and nothing has
  // changed then.
  std::optional<Seat> take(std::uint64_t client, Clock::time_point now);

  std::size_t count() const;       // of connections, with those that make way
  std::uint64_t given_up() const;  // of connections so far that were told to make way
  // Blocks until there are none, and returns true, or until `deadline`.
  bool wait_for_none(Clock::time_point deadline) const;

 private:
  static constexpr std::size_t kUses = 3;
  static constexpr std::size_t kGiven = 2;  // the uses whose connections may be given up

  // By how many connections a client has, then by how long its oldest of a use has been so.
  struct Rank {
    std::size_t count = 0;
    Clock::time_point since{};
    Client* client = nullptr;
    friend bool operator<(const Rank& a, const Rank& b) {
      if (a.count != b.count) return a.count < b.count;
      if (a.since != b.since) return a.since > b.since;
      return a.client < b.client;
    }
  };
  using Order = std::set<Rank>;

  struct Client {
    std::uint64_t number = 0;
    std::size_t count = 0;                              // of connections that do not make way
    std::array<std::list<Entry>, kUses> connections{};  // by use, the oldest first
    std::list<Entry> leaving{};
    // Of each use, while it is in the order of it, and while it is not.
    std::array<std::optional<Order::iterator>, kGiven> places{};
    std::array<Order::node_type, kGiven> nodes{};
  };

  // With the lock held.
  Client& client_of(std::uint64_t number);
  void forget_unused(const Client& client) noexcept;
  template <class Work>
  void change(Client& client, const Work& work) noexcept;
  bool give_one_up(std::size_t fewest, Use use, Clock::time_point latest);

  static void ask_to_make_way(const Entry& entry);
  void belongs_to(Entry& entry, std::weak_ptr<Peer> peer, IoLoop& loop);
  void set_use(Entry& entry, Use use, Clock::time_point now) noexcept;
  void release(Entry& entry) noexcept;

  const std::size_t limit_;
  mutable std::mutex mutex_;  // guards what follows
  mutable std::condition_variable none_;
  std::unordered_map<std::uint64_t, Client> clients_;
  std::array<Order, kGiven> orders_;  // of clients with connections of that use
  std::size_t seats_ = 0;             // that are taken
  std::size_t connections_ = 0;       // those that make way as well
  std::uint64_t given_up_ = 0;
};

}  // namespace nestvec
