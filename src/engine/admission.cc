// SPDX-License-Identifier: Apache-2.0
#include "engine/admission.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <string>

#include "nestvec/error.h"

namespace nestvec {
namespace {

// What bulk calls leave for interactive ones.
std::size_t bulk_part(std::size_t max_tokens) { return max_tokens - max_tokens / 4; }

std::size_t saturating(std::size_t from, std::size_t what) { return from - std::min(from, what); }

double seconds_for(double tokens, const QueueLoad& load) {
  return load.tokens_per_second > 0 ? tokens / load.tokens_per_second : 0;
}

// Those that share the class when the call is in.
double clients_with(const QueueLoad& load) {
  const bool waits = load.own > 0 || load.elsewhere.own > 0;
  return static_cast<double>(load.same.clients + load.elsewhere.clients + (waits ? 0 : 1));
}

// Tokens by which the call exceeds its share of the queue.
std::size_t excess_tokens(const QueueOptions& limits, bool bulk, std::size_t tokens,
                          const QueueLoad& load) {
  const std::size_t waiting = load.same.tokens + load.other.tokens;
  if (limits.max_tokens == 0 || (waiting == 0 && tokens <= load.batch)) return 0;
  std::size_t room = saturating(limits.max_tokens, waiting);
  if (bulk) room = std::min(room, saturating(bulk_part(limits.max_tokens), load.same.tokens));
  return saturating(load.own + 2 * tokens, room);
}

// The longest call that a queue takes where nothing waits.
std::size_t longest_call(const QueueOptions& limits, bool bulk, const QueueLoad& load) {
  const std::size_t part = bulk ? bulk_part(limits.max_tokens) : limits.max_tokens;
  return std::max(part / 2, load.batch);
}

// Until the call is served, beside its own time.
double wait_seconds(bool bulk, const QueueLoad& load) {
  const LoadElsewhere& elsewhere = load.elsewhere;
  double ahead = static_cast<double>(load.running) + elsewhere.running;
  if (bulk) ahead += static_cast<double>(load.other.tokens) + elsewhere.other;
  const double own = static_cast<double>(load.own) + elsewhere.own;
  const double same = static_cast<double>(load.same.tokens) + elsewhere.same;
  if (own > 0) {
    // The others get as much meanwhile, where they have so much.
    return seconds_for(ahead + own + std::min(same - own, own * (clients_with(load) - 1)), load);
  }
  const std::size_t texts = load.same.texts + elsewhere.texts;
  if (texts == 0) return 0;
  return seconds_for(ahead + same / static_cast<double>(texts) * (clients_with(load) - 1), load);
}

[[noreturn]] void refuse(const QueueLoad& load, double seconds) {
  ErrorDetail detail;
  detail.retry_after =
      std::chrono::milliseconds(std::max<std::int64_t>(1000, std::llround(seconds * 1e3)));
  const std::size_t others = load.same.clients - (load.own > 0 ? 1 : 0);
  throw Error(ErrorCode::kResourceExhausted,
              "the model is overloaded: " + std::to_string(load.own) +
                  " tokens of this client wait, and " +
                  std::to_string(load.same.tokens + load.other.tokens - load.own) + " of others (" +
                  std::to_string(others) + (others == 1 ? " client" : " clients") +
                  " of the same class); try again in " +
                  std::to_string((detail.retry_after.count() + 999) / 1000) + " s",
              detail);
}

}  // namespace

void check_admission(const QueueOptions& limits, bool bulk, std::size_t tokens,
                     const QueueLoad& load) {
  const std::size_t longest = longest_call(limits, bulk, load);
  if (limits.max_tokens > 0 && tokens > longest) {
    throw Error(ErrorCode::kResourceExhausted,
                "the call has " + std::to_string(tokens) + " tokens, and a queue of " +
                    std::to_string(limits.max_tokens) + " (max_queue_tokens) takes at most " +
                    std::to_string(longest) +
                    " at once; send fewer texts in a call, or raise max_queue_tokens");
  }
  const std::size_t excess = excess_tokens(limits, bulk, tokens, load);
  const double wait = wait_seconds(bulk, load);
  const bool late = limits.max_seconds > 0 && wait > limits.max_seconds;
  if (excess == 0 && !late) return;
  // A client's own work leaves the queue at its share of the rate, and makes twice the room.
  const double rate = load.own > 0 ? 1 + 1 / clients_with(load) : 1;
  refuse(load, std::max(seconds_for(static_cast<double>(excess), load) / rate,
                        late ? wait - limits.max_seconds : 0));
}

}  // namespace nestvec
