// SPDX-License-Identifier: Apache-2.0
#include "http/connection_seats.h"

namespace nestvec {
namespace {

constexpr std::size_t index_of(ConnectionSeats::Use use) { return static_cast<std::size_t>(use); }

}  // namespace

void ConnectionSeats::Seat::release() noexcept {
  if (seats_ != nullptr) std::exchange(seats_, nullptr)->release(*entry_);
}

void ConnectionSeats::Seat::belongs_to(std::weak_ptr<Peer> peer, IoLoop& loop) {
  if (seats_ != nullptr) seats_->belongs_to(*entry_, std::move(peer), loop);
}

void ConnectionSeats::Seat::use(Use use, Clock::time_point now) noexcept {
  if (seats_ != nullptr) seats_->set_use(*entry_, use, now);
}

ConnectionSeats::Client& ConnectionSeats::client_of(std::uint64_t number) {
  const auto [found, is_new] = clients_.try_emplace(number);
  Client& client = found->second;
  if (!is_new) return client;
  try {
    client.number = number;
    for (Order::node_type& node : client.nodes) {
      Order one{{.client = &client}};
      node = one.extract(one.begin());
    }
  } catch (...) {
    clients_.erase(found);
    throw;
  }
  return client;
}

void ConnectionSeats::forget_unused(const Client& client) noexcept {
  if (client.count == 0 && client.leaving.empty()) clients_.erase(clients_.find(client.number));
}

// Whatever `work` changes, the client's places in the orders are as its connections then are.
template <class Work>
void ConnectionSeats::change(Client& client, const Work& work) noexcept {
  for (std::size_t use = 0; use < kGiven; ++use) {
    if (auto& place = client.places[use]) {
      client.nodes[use] = orders_[use].extract(*std::exchange(place, std::nullopt));
    }
  }
  work();
  for (std::size_t use = 0; use < kGiven; ++use) {
    if (client.connections[use].empty()) continue;
    Order::node_type& node = client.nodes[use];
    node.value() = {client.count, client.connections[use].front().since, &client};
    client.places[use] = orders_[use].insert(std::move(node)).position;
  }
}

std::optional<ConnectionSeats::Seat> ConnectionSeats::take(std::uint64_t number,
                                                           Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  Client& client = client_of(number);
  std::list<Entry> made;
  bool is_free = false;
  try {
    made.emplace_back();
    // A request is cut only where its client still has no less than the newcomer then.
    is_free = seats_ < limit_ || give_one_up(client.count + 1, Use::kIdle, now) ||
              give_one_up(client.count + 2, Use::kAwaited, now - kPatience);
  } catch (...) {
    forget_unused(client);
    throw;
  }
  if (!is_free) {
    forget_unused(client);
    return std::nullopt;
  }
  Entry& entry = made.front();
  entry.client = &client;
  entry.since = now;
  entry.place = made.begin();
  change(client, [&] {
    ++client.count;
    auto& working = client.connections[index_of(Use::kWorking)];
    working.splice(working.end(), made);
  });
  ++seats_;
  ++connections_;
  return Seat(*this, entry);
}

// Of a client with so many connections at least one that has been in that use since `latest`.
bool ConnectionSeats::give_one_up(std::size_t fewest, Use use, Clock::time_point latest) {
  const Order& order = orders_[index_of(use)];
  if (order.empty() || order.rbegin()->count < fewest || order.rbegin()->since > latest) {
    return false;
  }
  Client& client = *order.rbegin()->client;
  Entry& entry = client.connections[index_of(use)].front();
  ask_to_make_way(entry);
  change(client, [&] {
    --client.count;
    client.leaving.splice(client.leaving.end(), client.connections[index_of(use)], entry.place);
  });
  entry.given_up = true;
  --seats_;
  ++given_up_;
  return true;
}

void ConnectionSeats::ask_to_make_way(const Entry& entry) {
  entry.loop->post([peer = entry.peer] {
    if (const auto there = peer.lock()) there->make_way();
  });
}

void ConnectionSeats::belongs_to(Entry& entry, std::weak_ptr<Peer> peer, IoLoop& loop) {
  const std::lock_guard lock(mutex_);
  entry.peer = std::move(peer);
  entry.loop = &loop;
  if (entry.given_up) ask_to_make_way(entry);  // the one that it belonged to may be gone
}

void ConnectionSeats::set_use(Entry& entry, Use use, Clock::time_point now) noexcept {
  const std::lock_guard lock(mutex_);
  if (entry.given_up || entry.use == use || entry.loop == nullptr) return;
  change(*entry.client, [&] {
    auto& connections = entry.client->connections;
    auto& after = connections[index_of(use)];
    after.splice(after.end(), connections[index_of(entry.use)], entry.place);
    entry.use = use;
    entry.since = now;
  });
}

void ConnectionSeats::release(Entry& entry) noexcept {
  const std::lock_guard lock(mutex_);
  Client& client = *entry.client;
  if (entry.given_up) {
    client.leaving.erase(entry.place);
  } else {
    change(client, [&] {
      --client.count;
      client.connections[index_of(entry.use)].erase(entry.place);
    });
    --seats_;
  }
  forget_unused(client);
  if (--connections_ == 0) none_.notify_all();
}

std::size_t ConnectionSeats::count() const {
  const std::lock_guard lock(mutex_);
  return connections_;
}

std::uint64_t ConnectionSeats::given_up() const {
  const std::lock_guard lock(mutex_);
  return given_up_;
}

bool ConnectionSeats::wait_for_none(Clock::time_point deadline) const {
  std::unique_lock lock(mutex_);
  return none_.wait_until(lock, deadline, [this] { return connections_ == 0; });
}

}  // namespace nestvec
