// SPDX-License-Identifier: Apache-2.0
// What a bulk run has done for certain: from here another process can go on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bulk/input_list.h"
#include "bulk/row_source.h"
#include "bulk/vector_files.h"

namespace nestvec {

struct BulkCounts {
  std::uint64_t rows = 0;     // of the input
  std::uint64_t written = 0;  // of the output
  std::uint64_t bad = 0;
  std::uint64_t duplicates = 0;  // whose vector was computed for an earlier row
  std::uint64_t truncated = 0;   // texts that lost tokens
  std::uint64_t tokens = 0;      // that were computed
  bool operator==(const BulkCounts&) const = default;
};

// visit(name, count) for each, in the order in which they are written.
template <typename Counts, typename Visit>
void visit_counts(Counts& counts, Visit&& visit) {
  visit("rows", counts.rows);
  visit("written", counts.written);
  visit("bad", counts.bad);
  visit("duplicates", counts.duplicates);
  visit("truncated", counts.truncated);
  visit("tokens", counts.tokens);
}

struct Checkpoint {
  // What decides the vectors besides the input: flags and their values, in the order of the
  // flags. --on-error is not among them.
  std::vector<std::pair<std::string, std::string>> options;
  std::string on_error;
  std::string model_id;      // for people
  std::string model_digest;  // what it computes for texts of ours
  std::vector<InputFacts> inputs;
  RowPlace place;
  BulkCounts counts;
  OutputSizes sizes;
  bool complete = false;  // all rows are done; the files may have their names already
  bool operator==(const Checkpoint&) const = default;
};

std::string write_checkpoint(const Checkpoint& checkpoint);
// `name` is for errors. Throws Error kDataLoss for what write_checkpoint() does not write.
Checkpoint parse_checkpoint(std::string_view text, const std::string& name);

// The file at `path`; nullopt where there is none. Throws Error as read_file and parse_checkpoint.
std::optional<Checkpoint> load_checkpoint(const std::string& path);
// Replaces the file; it is on the disk when this returns. Throws Error as GrowingFile.
void save_checkpoint(const Checkpoint& checkpoint, const std::string& path);

// Throws Error kInvalidArgument where a run with the options, model and inputs of `now` would not
// go on as `then` began, saying what differs.
void check_same_run(const Checkpoint& then, const Checkpoint& now);

}  // namespace nestvec
