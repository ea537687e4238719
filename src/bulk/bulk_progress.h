// SPDX-License-Identifier: Apache-2.0
// How far a bulk run is, and how fast.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "bulk/checkpoint.h"

namespace nestvec {

struct BulkProgress {
  BulkCounts counts;             // of the whole output
  BulkCounts before;             // of those, what earlier processes did
  double seconds = 0;            // of this process
  std::uint64_t bytes_done = 0;  // read of the inputs for rows that are done, still compressed
  std::uint64_t bytes_before = 0;
  std::uint64_t bytes_total = 0;  // 0 where it is not known

  double texts_per_second() const;
  double tokens_per_second() const;
  std::optional<double> fraction() const;
  std::optional<double> seconds_left() const;
};

// "42%  12,345 texts  812 texts/s  41,650 tokens/s  1:02:03 left  3 bad".
std::string progress_text(const BulkProgress& progress);
// "12,345 texts, 1,234,567 tokens in 0:15 (812 texts/s, 41,650 tokens/s)", and what of the texts is
// worth a word.
std::string summary_text(const BulkProgress& progress);
// One JSON object on one line, without its end. `event` is "progress" or how the run ended.
std::string progress_json(const BulkProgress& progress, const std::string& event);

}  // namespace nestvec
