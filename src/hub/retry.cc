// SPDX-License-Identifier: Apache-2.0
#include "hub/retry.h"

#include <curl/curl.h>

#include <algorithm>
#include <charconv>

namespace nestvec {

std::chrono::milliseconds backoff_delay(const RetryPolicy& policy, std::size_t failures,
                                        std::minstd_rand& random) {
  std::chrono::milliseconds delay = policy.first_delay;
  for (std::size_t i = 1; i < failures && delay < policy.longest_delay; ++i) delay *= 2;
  delay = std::min(delay, policy.longest_delay);
  std::uniform_int_distribution<std::int64_t> jitter(delay.count() / 2, delay.count());
  return std::chrono::milliseconds(jitter(random));
}

std::optional<std::chrono::seconds> parse_retry_after(const std::string& header, std::time_t now) {
  std::uint32_t seconds = 0;
  const char* const end = header.data() + header.size();
  const std::from_chars_result result = std::from_chars(header.data(), end, seconds);
  if (result.ec == std::errc() && result.ptr == end) return std::chrono::seconds(seconds);
  const std::time_t date = curl_getdate(header.c_str(), nullptr);
  if (date == -1) return std::nullopt;
  return std::chrono::seconds(std::max<std::time_t>(0, date - now));
}

}  // namespace nestvec
