// SPDX-License-Identifier: Apache-2.0
#include "server/request_memory_limit.h"

#include <algorithm>

namespace nestvec {
namespace {

std::string mebibytes(std::uint64_t bytes) {
  constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;
  return std::to_string(bytes / kMiB) + " MiB";
}

}  // namespace

RequestMemoryLimit decide_request_memory(const RequestMemoryFacts& facts) {
  RequestMemoryLimit limit;
  const std::uint64_t left =
      facts.budget > facts.planned ? facts.budget - facts.planned : std::uint64_t{0};
  if (facts.configured > 0) {
    limit.bytes = facts.configured;
    limit.reason = "server.request_memory";
  } else if (facts.budget == 0) {
    limit.bytes = RequestMemoryLimit::kMost;
    limit.reason = "no budget set";
  } else {
    limit.bytes = std::clamp(left, RequestMemoryLimit::kLeast, RequestMemoryLimit::kMost);
    limit.reason = "of " + mebibytes(left) + " that the budget leaves beside the memory plan";
  }
  if (facts.budget > 0 && limit.bytes > left) {
    limit.warning = "requests may take " + mebibytes(limit.bytes) +
                    " (server.request_memory), and the memory plan leaves " + mebibytes(left) +
                    " of the " + mebibytes(facts.budget) +
                    " that this process may have; raise cpu_memory or the container's limit";
  }
  return limit;
}

}  // namespace nestvec
