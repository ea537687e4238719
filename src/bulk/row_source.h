// SPDX-License-Identifier: Apache-2.0
// The rows of all inputs, one after another, each with the place behind it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "bulk/input_list.h"
#include "bulk/row_reader.h"
#include "bulk/text_digest.h"

namespace nestvec {

// Where reading goes on: behind `offset` bytes, after decompression, of input `file`.
struct RowPlace {
  std::uint64_t file = 0;
  std::uint64_t offset = 0;
  std::uint64_t checksum = 0;   // CRC-32 of those bytes
  std::uint64_t raw_bytes = 0;  // read of all inputs so far, before decompression
  bool operator==(const RowPlace&) const = default;
};

struct SourceRow {
  std::uint64_t index = 0;  // of the row among all, from 0
  RowFields fields;
  std::uint64_t file = 0;  // index of its input
  std::uint64_t line = 0;  // at which it begins, from 1
  RowPlace end;
  std::optional<TextDigest> digest;  // where texts are compared
};

// Not thread-safe.
class RowSource {
 public:
  // `stop` ends a wait for bytes, with Error kCancelled.
  RowSource(std::vector<InputFacts> inputs, const RowRules& rules, std::stop_token stop);

  // Goes on where another run has stopped; `rows` is how many came before. To be called first.
  // Throws Error kInvalidArgument where the bytes before the place are not those of that run.
  void resume(const RowPlace& place, std::uint64_t rows);

  // False at the end. Throws Error as RowReader.
  bool next(SourceRow& row);

 private:
  void open();
  RowPlace place() const;

  std::vector<InputFacts> inputs_;
  RowRules rules_;
  std::stop_token stop_;
  std::unique_ptr<RowReader> reader_;  // of the input `file_`
  std::uint64_t file_ = 0;
  std::uint64_t raw_before_ = 0;  // bytes of the inputs before it
  std::uint64_t rows_ = 0;
};

}  // namespace nestvec
