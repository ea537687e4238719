// SPDX-License-Identifier: Apache-2.0
#include "batch/fair_queue.h"

#include <algorithm>
#include <new>
#include <numeric>

namespace nestvec {
namespace {

constexpr std::size_t kRoom = 16;  // for sequences of a batch, at first

}  // namespace

const FairQueue::Flow* FairQueue::Client::find(LaneId lane) const noexcept {
  const auto flow = std::ranges::find(flows, lane, &Flow::lane);
  return flow == flows.end() ? nullptr : &*flow;
}

FairQueue::Flow* FairQueue::Client::find(LaneId lane) noexcept {
  const auto flow = std::ranges::find(flows, lane, &Flow::lane);
  return flow == flows.end() ? nullptr : &*flow;
}

FairQueue::Key FairQueue::key_of(std::uint64_t name, const Client& client,
                                 const Flow& flow) noexcept {
  return {client.served, flow.served, flow.jobs.begin()->first, name};
}

// Gives a flow the place that it has now, with the node of the one that it or its client had: in
// the order of its lane, or, where it was the client's last, among those that rest, or none.
FairQueue::Order::iterator FairQueue::settle(Class& in, std::uint64_t name, Flow& flow,
                                             Order::node_type node) noexcept {
  const auto entry = in.clients.find(name);
  const Client& client = entry->second;
  Order& order = in.lanes[flow.lane].order;
  if (!flow.jobs.empty()) {
    node.value() = key_of(name, client, flow);
    return order.insert(std::move(node)).position;
  }
  if (client.waiting_flows > 0) return order.end();
  if (client.served > in.virtual_time) {
    node.value() = {client.served, 0, 0, name};
    in.resting.insert(std::move(node));
  } else {
    in.clients.erase(entry);
  }
  return order.end();
}

// The other flows of a client that was served, which were at `before`.
void FairQueue::move_flows(Class& in, std::uint64_t name, std::uint64_t before,
                           const Flow& but) noexcept {
  const Client& client = in.clients.find(name)->second;
  if (client.waiting_flows == (but.jobs.empty() ? 0 : 1)) return;
  for (const Flow& flow : client.flows) {
    if (&flow == &but || flow.jobs.empty()) continue;
    Key key = key_of(name, client, flow);
    std::swap(key.served, before);
    Order& order = in.lanes[flow.lane].order;
    Order::node_type node = order.extract(key);
    std::swap(key.served, before);
    node.value() = key;
    order.insert(std::move(node));
  }
}

// Forgets clients that the virtual time has caught up with.
void FairQueue::release(Class& in) noexcept {
  while (!in.resting.empty() && in.resting.begin()->served <= in.virtual_time) {
    in.clients.erase(in.resting.begin()->client);
    in.resting.erase(in.resting.begin());
  }
}

void FairQueue::make_lane(LaneId lane) {
  if (lane < costs_.size()) return;
  costs_.resize(lane + std::size_t{1}, 1);
}

void FairQueue::set_cost(LaneId lane, std::uint64_t cost_per_token) {
  make_lane(lane);
  costs_[lane] = cost_per_token;
}

void FairQueue::push(const QueuePlace& place, std::uint64_t job, std::vector<std::uint32_t> tokens,
                     Clock::time_point now) {
  Class& to = class_of(place.bulk);
  const std::uint64_t arrival = ++arrivals_;
  make_lane(place.lane);
  if (to.lanes.size() < costs_.size()) to.lanes.resize(costs_.size());
  places_.emplace(job, Place{place, arrival});
  try {
    add(to, place, arrival, job, std::move(tokens));
  } catch (...) {
    places_.erase(job);
    throw;
  }
  ClassLane& lane = to.lanes[place.lane];
  // Those of this job alone wait.
  const Job& added = to.clients.find(place.client)->second.find(place.lane)->jobs.at(arrival);
  if (lane.texts == added.tokens.size()) lane.neglected_since = now;
}

void FairQueue::add(Class& to, const QueuePlace& place, std::uint64_t arrival, std::uint64_t job,
                    std::vector<std::uint32_t> tokens) {
  const auto [entry, is_new] = to.clients.try_emplace(place.client);
  Client& owner = entry->second;
  Order fresh;
  Job* added = nullptr;
  try {
    if (owner.find(place.lane) == nullptr) owner.flows.emplace_back().lane = place.lane;
    const bool has_node = !is_new && owner.waiting_flows == 0;
    if (!has_node && owner.find(place.lane)->jobs.empty()) fresh.emplace();
    added = &owner.find(place.lane)->jobs[arrival];  // the last that may fail
  } catch (...) {
    if (is_new) to.clients.erase(entry);
    throw;
  }
  Flow& flow = *owner.find(place.lane);
  if (flow.jobs.size() == 1) {
    Order::node_type node = fresh.empty() ? to.resting.extract({owner.served, 0, 0, place.client})
                                          : fresh.extract(fresh.begin());
    // Whoever returns gets no credit for idle time.
    if (is_new) owner.served = to.virtual_time;
    flow.served = std::max(flow.served, owner.flow_time);
    ++owner.waiting_flows;
    settle(to, place.client, flow, std::move(node));
  }
  added->id = job;
  added->tokens_left = std::accumulate(tokens.begin(), tokens.end(), std::size_t{0});
  added->tokens = std::move(tokens);
  flow.tokens += added->tokens_left;
  ClassLane& lane = to.lanes[place.lane];
  lane.texts += added->tokens.size();
  lane.tokens += added->tokens_left;
}

Waiting FairQueue::take_next(Class& from, Client& client, Flow& flow) noexcept {
  const auto entry = flow.jobs.begin();
  Job& job = entry->second;
  ClassLane& lane = from.lanes[flow.lane];
  const Waiting next{job.id, job.next, job.tokens[job.next]};
  const std::uint64_t cost = next.tokens * costs_[flow.lane];
  client.served += cost;
  flow.served += cost;
  flow.tokens -= next.tokens;
  lane.tokens -= next.tokens;
  --lane.texts;
  job.tokens_left -= next.tokens;
  if (++job.next == job.tokens.size()) {
    places_.erase(job.id);
    flow.jobs.erase(entry);
    if (flow.jobs.empty()) --client.waiting_flows;
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

void FairQueue::fill(Class& from, LaneId lane, std::size_t max_tokens, Clock::time_point now,
                     Batch& batch) {
  if (lane >= from.lanes.size()) return;
  Order& order = from.lanes[lane].order;
  std::size_t passed = 0;
  for (auto place = order.begin();
       place != order.end() && passed < kLookPast && batch.tokens < max_tokens;) {
    const Key key = *place;
    Client& client = from.clients.find(key.client)->second;
    Flow& flow = *client.find(lane);
    const Job& job = flow.jobs.begin()->second;
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
    from.virtual_time = std::max(from.virtual_time, key.served);
    client.flow_time = std::max(client.flow_time, key.flow_served);
    from.lanes[lane].neglected_since = now;
    batch.taken.back() = take_next(from, client, flow);
    batch.tokens += tokens;
    move_flows(from, key.client, key.served, flow);
    const auto next = std::next(place);
    const auto again = settle(from, key.client, flow, order.extract(place));
    // The client's new place is behind its old one; it may be before the one that follows.
    const bool sooner = again != order.end() && (next == order.end() || *again < *next);
    place = sooner ? again : next;
  }
  release(from);
}

bool FairQueue::is_neglected(const ClassLane& lane, Clock::time_point now) noexcept {
  return lane.texts > 0 && now - lane.neglected_since >= kBulkPatience;
}

std::optional<LaneId> FairQueue::first_lane(const Class& in) noexcept {
  std::optional<LaneId> first;
  for (LaneId lane = 0; lane < in.lanes.size(); ++lane) {
    const Order& order = in.lanes[lane].order;
    if (order.empty()) continue;
    if (!first || *order.begin() < *in.lanes[*first].order.begin()) first = lane;
  }
  return first;
}

std::optional<LaneId> FairQueue::next_lane(Clock::time_point now) const noexcept {
  const std::optional<LaneId> first = next_interactive_lane();
  if (first && interactive_is_next_) return first;
  const ClassLane* neglected = nullptr;
  for (const ClassLane& lane : bulk_.lanes) {
    if (!is_neglected(lane, now)) continue;
    if (neglected == nullptr || lane.neglected_since < neglected->neglected_since) {
      neglected = &lane;
    }
  }
  if (neglected != nullptr) return static_cast<LaneId>(neglected - bulk_.lanes.data());
  return first ? first : first_lane(bulk_);
}

std::optional<LaneId> FairQueue::next_interactive_lane() const noexcept {
  return first_lane(interactive_);
}

std::vector<Waiting> FairQueue::take(std::size_t max_tokens, Clock::time_point now, LaneId lane) {
  Batch batch;
  const bool bulk_waited =
      !interactive_is_next_ && lane < bulk_.lanes.size() && is_neglected(bulk_.lanes[lane], now);
  interactive_is_next_ = bulk_waited;
  if (bulk_waited) fill(bulk_, lane, max_tokens / 2, now, batch);
  fill(interactive_, lane, max_tokens, now, batch);
  fill(bulk_, lane, max_tokens, now, batch);
  return std::move(batch.taken);
}

std::vector<Waiting> FairQueue::take_interactive(std::size_t max_tokens, std::size_t longest,
                                                 Clock::time_point now, LaneId lane) {
  Batch batch;
  batch.longest = longest;
  fill(interactive_, lane, max_tokens, now, batch);
  return std::move(batch.taken);
}

void FairQueue::remove(std::uint64_t job) noexcept {
  const auto place = places_.find(job);
  if (place == places_.end()) return;
  const Place at = place->second;
  places_.erase(place);
  Class& from = class_of(at.at.bulk);
  ClassLane& lane = from.lanes[at.at.lane];
  Client& client = from.clients.find(at.at.client)->second;
  Flow& flow = *client.find(at.at.lane);
  const auto removed = flow.jobs.find(at.arrival);
  flow.tokens -= removed->second.tokens_left;
  lane.tokens -= removed->second.tokens_left;
  lane.texts -= removed->second.tokens.size() - removed->second.next;
  if (removed != flow.jobs.begin()) {
    flow.jobs.erase(removed);
    return;
  }
  Order::node_type node = lane.order.extract(key_of(at.at.client, client, flow));
  flow.jobs.erase(removed);
  if (flow.jobs.empty()) --client.waiting_flows;
  settle(from, at.at.client, flow, std::move(node));
}

void FairQueue::forget_served() noexcept {
  for (Class* each : {&interactive_, &bulk_}) {
    if (!each->resting.empty()) each->virtual_time = each->resting.rbegin()->served;
    release(*each);
  }
}

std::size_t FairQueue::size() const noexcept {
  std::size_t texts = 0;
  for (const Class* each : {&interactive_, &bulk_}) {
    for (const ClassLane& lane : each->lanes) texts += lane.texts;
  }
  return texts;
}

std::size_t FairQueue::tokens() const noexcept {
  std::size_t tokens = 0;
  for (const Class* each : {&interactive_, &bulk_}) {
    for (const ClassLane& lane : each->lanes) tokens += lane.tokens;
  }
  return tokens;
}

ClassLoad FairQueue::load(bool bulk, LaneId lane) const noexcept {
  const Class& from = class_of(bulk);
  if (lane >= from.lanes.size()) return {};
  const ClassLane& of = from.lanes[lane];
  return {of.texts, of.tokens, of.order.size()};
}

std::size_t FairQueue::clients(bool bulk) const noexcept {
  const Class& from = class_of(bulk);
  return from.clients.size() - from.resting.size();
}

std::size_t FairQueue::tokens_of(std::uint64_t client, bool bulk, LaneId lane) const noexcept {
  const Class& from = class_of(bulk);
  const auto entry = from.clients.find(client);
  if (entry == from.clients.end()) return 0;
  const Flow* const flow = entry->second.find(lane);
  return flow == nullptr ? 0 : flow->tokens;
}

}  // namespace nestvec
