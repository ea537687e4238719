// SPDX-License-Identifier: Apache-2.0
#include "batch/fair_queue.h"

#include <algorithm>
#include <new>
#include <numeric>

namespace nestvec {
namespace {

constexpr std::size_t kRoom = 16;  // for sequences of a batch, at first

}  // namespace

FairQueue::Key FairQueue::key_of(std::uint64_t name, const Client& client) {
  return {client.served, client.jobs.begin()->first, name};
}

// Gives a client the place that it has now, with the node of the one that it had: in the order,
// among those that rest, or none.
FairQueue::Order::iterator FairQueue::settle(Class& in, std::uint64_t name,
                                             Order::node_type node) noexcept {
  const auto entry = in.clients.find(name);
  const Client& client = entry->second;
  if (!client.jobs.empty()) {
    node.value() = key_of(name, client);
    return in.order.insert(std::move(node)).position;
  }
  if (client.served > in.virtual_time) {
    node.value() = {client.served, 0, name};
    in.resting.insert(std::move(node));
  } else {
    in.clients.erase(entry);
  }
  return in.order.end();
}

// Forgets clients that the virtual time has caught up with.
void FairQueue::release(Class& in) noexcept {
  while (!in.resting.empty() && std::get<0>(*in.resting.begin()) <= in.virtual_time) {
    in.clients.erase(std::get<2>(*in.resting.begin()));
    in.resting.erase(in.resting.begin());
  }
}

void FairQueue::push(std::uint64_t client, bool bulk, std::uint64_t job,
                     std::vector<std::uint32_t> tokens, Clock::time_point now) {
  Class& to = bulk ? bulk_ : interactive_;
  const std::uint64_t arrival = ++arrivals_;
  places_.emplace(job, Place{client, arrival, bulk});
  bool is_new = false;
  try {
    const auto [entry, inserted] = to.clients.try_emplace(client);
    is_new = inserted;
    Client& owner = entry->second;
    // A returning client gets no credit for idle time.
    if (is_new) owner.served = to.virtual_time;
    Order fresh;
    if (is_new) fresh.emplace();
    Job& added = owner.jobs[arrival];  // the last that may fail
    if (owner.jobs.size() == 1) {
      settle(to, client,
             is_new ? fresh.extract(fresh.begin()) : to.resting.extract({owner.served, 0, client}));
    }
    if (to.texts == 0) to.neglected_since = now;
    added.id = job;
    added.tokens_left = std::accumulate(tokens.begin(), tokens.end(), std::size_t{0});
    added.tokens = std::move(tokens);
    owner.tokens += added.tokens_left;
    to.texts += added.tokens.size();
    to.tokens += added.tokens_left;
  } catch (...) {
    if (is_new) to.clients.erase(client);
    places_.erase(job);
    throw;
  }
}

Waiting FairQueue::take_next(Class& from, Client& client) noexcept {
  const auto entry = client.jobs.begin();
  Job& job = entry->second;
  const Waiting next{job.id, job.next, job.tokens[job.next]};
  client.served += next.tokens;
  client.tokens -= next.tokens;
  from.tokens -= next.tokens;
  --from.texts;
  job.tokens_left -= next.tokens;
  if (++job.next == job.tokens.size()) {
    places_.erase(job.id);
    client.jobs.erase(entry);
  }
  return next;
}

// For one more. Without memory for it a batch ends with what it has.
bool FairQueue::make_room(std::vector<Waiting>& taken) {
  if (taken.size() < taken.capacity()) return true;
  try {
    taken.reserve(std::max(kRoom, 2 * taken.size()));
    return true;
  } catch (const std::bad_alloc&) {
    if (taken.empty()) throw;
    return false;
  }
}

void FairQueue::fill(Class& from, std::size_t max_tokens, Clock::time_point now, Batch& batch) {
  std::size_t passed = 0;
  for (auto place = from.order.begin();
       place != from.order.end() && passed < kLookPast && batch.tokens < max_tokens;) {
    const auto [served, arrival, name] = *place;
    Client& client = from.clients.find(name)->second;
    const Job& job = client.jobs.begin()->second;
    const std::size_t tokens = job.tokens[job.next];
    const bool first = batch.taken.empty() && tokens <= batch.longest;
    const bool fits = batch.tokens + tokens <= max_tokens || first;
    if (!fits) {
      ++passed;
      ++place;
      continue;
    }
    if (!make_room(batch.taken)) break;
    batch.taken.emplace_back();
    from.virtual_time = std::max(from.virtual_time, served);
    from.neglected_since = now;
    batch.taken.back() = take_next(from, client);
    batch.tokens += tokens;
    const auto next = std::next(place);
    const auto again = settle(from, name, from.order.extract(place));
    // The client's new place is behind its old one; it may be before the one that follows.
    const bool sooner = again != from.order.end() && (next == from.order.end() || *again < *next);
    place = sooner ? again : next;
  }
  release(from);
}

std::vector<Waiting> FairQueue::take(std::size_t max_tokens, Clock::time_point now) {
  Batch batch;
  const bool bulk_waited = bulk_.texts > 0 && now - bulk_.neglected_since >= kBulkPatience;
  if (bulk_waited) fill(bulk_, max_tokens / 2, now, batch);
  fill(interactive_, max_tokens, now, batch);
  fill(bulk_, max_tokens, now, batch);
  return std::move(batch.taken);
}

std::vector<Waiting> FairQueue::take_interactive(std::size_t max_tokens, std::size_t longest,
                                                 Clock::time_point now) {
  Batch batch;
  batch.longest = longest;
  fill(interactive_, max_tokens, now, batch);
  return std::move(batch.taken);
}

void FairQueue::remove(std::uint64_t job) noexcept {
  const auto place = places_.find(job);
  if (place == places_.end()) return;
  const Place at = place->second;
  places_.erase(place);
  Class& from = at.bulk ? bulk_ : interactive_;
  Client& client = from.clients.find(at.client)->second;
  const auto removed = client.jobs.find(at.arrival);
  client.tokens -= removed->second.tokens_left;
  from.tokens -= removed->second.tokens_left;
  from.texts -= removed->second.tokens.size() - removed->second.next;
  if (removed != client.jobs.begin()) {
    client.jobs.erase(removed);
    return;
  }
  Order::node_type node = from.order.extract(key_of(at.client, client));
  client.jobs.erase(removed);
  settle(from, at.client, std::move(node));
}

void FairQueue::forget_served() noexcept {
  for (Class* each : {&interactive_, &bulk_}) {
    if (!each->resting.empty()) each->virtual_time = std::get<0>(*each->resting.rbegin());
    release(*each);
  }
}

ClassLoad FairQueue::load(bool bulk) const noexcept {
  const Class& from = bulk ? bulk_ : interactive_;
  return {from.texts, from.tokens, from.order.size()};
}

std::size_t FairQueue::tokens_of(std::uint64_t client, bool bulk) const noexcept {
  const Class& from = bulk ? bulk_ : interactive_;
  const auto entry = from.clients.find(client);
  return entry == from.clients.end() ? 0 : entry->second.tokens;
}

}  // namespace nestvec
