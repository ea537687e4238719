// SPDX-License-Identifier: Apache-2.0
#include "engine/pair_plan.h"

#include <algorithm>
#include <string>

#include "nestvec/error.h"

namespace nestvec {
namespace {

std::size_t room_for(const PairLimits& limits) {
  if (limits.max_tokens >= limits.added) return limits.max_tokens - limits.added;
  throw Error(ErrorCode::kInvalidArgument, "a pair may have " + std::to_string(limits.max_tokens) +
                                               " tokens, which is less than the " +
                                               std::to_string(limits.added) +
                                               " special tokens that are added");
}

Error pair_error(ErrorCode code, std::size_t index, const std::string& message) {
  ErrorDetail detail;
  detail.text = index;
  return Error(code, "pair " + std::to_string(index) + message, detail);
}

// A tie makes the first text the shorter one.
PairTokens share(const PairTokens& counts, std::size_t room) {
  const bool first_is_shorter = counts.first <= counts.second;
  std::size_t shorter = std::min(counts.first, counts.second);
  std::size_t longer = std::max(shorter, room - std::min(room, shorter));
  if (shorter + longer > room) {
    shorter = room / 2;
    longer = room - shorter;
  }
  return first_is_shorter ? PairTokens{shorter, longer} : PairTokens{longer, shorter};
}

}  // namespace

PairTokens plan_pair(const PairTokens& counts, const PairLimits& limits, std::size_t index) {
  const std::size_t room = room_for(limits);
  const std::size_t total = counts.first + counts.second;
  if (total <= room) return counts;
  if (limits.refuse) {
    throw pair_error(ErrorCode::kOutOfRange, index,
                     " has " + std::to_string(total + limits.added) +
                         " tokens with special tokens, the model takes " +
                         std::to_string(limits.max_tokens) + "; shorten it, or allow truncation");
  }
  // As the reference: nothing is left of either, whatever the rule.
  if (room == 0) return {};
  if (limits.rule != PairTruncation::kOnlySecond) return share(counts, room);
  if (counts.first < room) return {counts.first, room - counts.first};
  throw pair_error(ErrorCode::kInvalidArgument, index,
                   ": its first text has " + std::to_string(counts.first) +
                       " tokens, which leaves no room for the second among " +
                       std::to_string(room) +
                       "; shorten it, or let the longer text be cut (longest_first)");
}

std::span<const std::uint32_t> kept_tokens(std::span<const std::uint32_t> ids, std::size_t count,
                                           Truncation side) {
  return side == Truncation::kLeft ? ids.last(count) : ids.first(count);
}

WindowPlan plan_windows(const PairTokens& counts, const PairLimits& limits) {
  const std::size_t room = room_for(limits);
  if (counts.first + counts.second <= room) return {counts.first, {{0, counts.second}}};
  if (room == 0) {
    throw Error(ErrorCode::kInvalidArgument, "a pair may have " +
                                                 std::to_string(limits.max_tokens) +
                                                 " tokens, which leaves no room for a document");
  }
  const std::size_t least = (room + 3) / 4;
  WindowPlan plan;
  plan.query = std::min(counts.first, room - least);
  const std::size_t size = room - plan.query;
  const std::size_t step = size - size / 4;
  std::size_t begin = 0;
  for (; begin + size < counts.second; begin += step) plan.windows.push_back({begin, begin + size});
  // The last one is as long as the others, so that it knows as much.
  begin = counts.second - std::min(counts.second, size);
  plan.windows.push_back({begin, counts.second});
  return plan;
}

}  // namespace nestvec
