// SPDX-License-Identifier: Apache-2.0
#include "batch/fair_queue.h"

#include <algorithm>
#include <tuple>

namespace nestvec {

void FairQueue::push(std::uint64_t client, bool bulk, const Waiting& waiting,
                     Clock::time_point now) {
  Class& to = bulk ? bulk_ : interactive_;
  if (to.clients.empty()) to.neglected_since = now;
  const auto [entry, is_new] = to.clients.try_emplace(client);
  // Who comes back does not get the time that passed while nothing was asked.
  if (is_new) entry->second.served = to.virtual_time;
  entry->second.waiting.emplace_back(arrivals_++, waiting);
  ++size_;
  tokens_ += waiting.tokens;
}

void FairQueue::fill(Class& from, std::size_t max_tokens, Clock::time_point now, Batch& batch) {
  // By virtual time, then by arrival: (served, arrival, client).
  std::set<std::tuple<std::uint64_t, std::uint64_t, std::uint64_t>> order;
  for (const auto& [name, client] : from.clients) {
    order.emplace(client.served, client.waiting.front().first, name);
  }
  while (!order.empty()) {
    const auto [served, arrival, name] = *order.begin();
    order.erase(order.begin());
    const auto entry = from.clients.find(name);
    Client& client = entry->second;
    const Waiting next = client.waiting.front().second;
    const bool fits = batch.tokens + next.tokens <= max_tokens || batch.taken.empty();
    if (!fits) continue;
    from.virtual_time = std::max(from.virtual_time, served);
    from.neglected_since = now;
    client.served += next.tokens;
    client.waiting.pop_front();
    batch.taken.push_back(next);
    batch.tokens += next.tokens;
    --size_;
    tokens_ -= next.tokens;
    if (client.waiting.empty()) {
      from.clients.erase(entry);
    } else {
      order.emplace(client.served, client.waiting.front().first, name);
    }
    if (batch.tokens >= max_tokens) return;
  }
}

std::vector<Waiting> FairQueue::take(std::size_t max_tokens, Clock::time_point now) {
  Batch batch;
  const bool bulk_waited = !bulk_.clients.empty() && now - bulk_.neglected_since >= kBulkPatience;
  if (bulk_waited) fill(bulk_, max_tokens / 2, now, batch);
  fill(interactive_, max_tokens, now, batch);
  fill(bulk_, max_tokens, now, batch);
  return std::move(batch.taken);
}

void FairQueue::remove(std::uint64_t job) {
  for (Class* from : {&interactive_, &bulk_}) {
    for (auto entry = from->clients.begin(); entry != from->clients.end();) {
      std::erase_if(entry->second.waiting, [&](const auto& waiting) {
        if (waiting.second.job != job) return false;
        --size_;
        tokens_ -= waiting.second.tokens;
        return true;
      });
      entry = entry->second.waiting.empty() ? from->clients.erase(entry) : std::next(entry);
    }
  }
}

}  // namespace nestvec
