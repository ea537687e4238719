// SPDX-License-Identifier: Apache-2.0
#include "engine/job.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <string>

namespace nestvec {

std::size_t Job::output_bytes(std::size_t width) const {
  std::size_t rows = 0;
  for (const Sequence& sequence : sequences) {
    rows += sequence.spans.size();
    if (want_tokens) rows += sequence.ids.size();
  }
  return rows * width * sizeof(float) + side_bytes;
}

Error no_memory_for_answer(const MemoryAccount& account, std::size_t bytes, double retry_seconds) {
  const std::string limit =
      account.option() + " allows " + std::to_string(account.limit()) + " bytes";
  if (!account.could_hold(bytes)) {
    return Error(ErrorCode::kResourceExhausted,
                 "the answer takes " + std::to_string(bytes) + " bytes and " + limit +
                     " in all; ask for less in one call, or raise " + account.option());
  }
  ErrorDetail detail;
  detail.retry_after = std::chrono::seconds(
      std::max<std::int64_t>(1, static_cast<std::int64_t>(std::ceil(retry_seconds))));
  return Error(ErrorCode::kResourceExhausted,
               "there is no memory for the answer now: it takes " + std::to_string(bytes) +
                   " bytes, " + limit + ", and " + std::to_string(account.used_by_all()) +
                   " are in use; try again in " +
                   std::to_string(detail.retry_after.count() / 1000) + " s",
               detail);
}

}  // namespace nestvec
