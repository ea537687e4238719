// SPDX-License-Identifier: Apache-2.0
// How much memory all requests share.
#pragma once

#include <cstdint>
#include <string>

namespace nestvec {

// What decides the limit.
struct RequestMemoryFacts {
  std::uint64_t configured = 0;  // server.request_memory; 0 = automatic
  std::uint64_t budget = 0;      // of the process: cpu_memory, the cgroup; 0 = none
  std::uint64_t planned = 0;     // of it, the model's
};

struct RequestMemoryLimit {
  static constexpr std::uint64_t kLeast = std::uint64_t{64} << 20;
  static constexpr std::uint64_t kMost = std::uint64_t{1} << 30;

  std::uint64_t bytes = 0;
  std::string reason;   // "what cpu_memory leaves beside the memory plan"
  std::string warning;  // empty, or that it is more than is left
};

RequestMemoryLimit decide_request_memory(const RequestMemoryFacts& facts);

}  // namespace nestvec
