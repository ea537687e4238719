// SPDX-License-Identifier: Apache-2.0
// How long to wait before asking again.
#pragma once

#include <chrono>
#include <cstdint>
#include <ctime>
#include <optional>
#include <random>
#include <string>

namespace nestvec {

// Waiting times that double, with jitter so that many clients do not return together.
struct RetryPolicy {
  std::size_t attempts = 6;  // in a row without progress
  std::chrono::milliseconds first_delay{500};
  std::chrono::milliseconds longest_delay{20'000};
  std::chrono::seconds longest_retry_after{120};  // a hub that asks for more gets an error instead
};

// The delay before attempt number `failures` + 1: between half and all of
// min(longest_delay, first_delay * 2^(failures - 1)).
std::chrono::milliseconds backoff_delay(const RetryPolicy& policy, std::size_t failures,
                                        std::minstd_rand& random);

// A Retry-After header: seconds, or a date (RFC 9110, 10.2.3), which counts from `now`. nullopt
// where it is neither; never negative.
std::optional<std::chrono::seconds> parse_retry_after(const std::string& header, std::time_t now);

}  // namespace nestvec
