// SPDX-License-Identifier: Apache-2.0
// Records of comma- or tab-separated values, as Python's csv module reads them: a field may stand
// in quotes, then a doubled quote is a quote and separators and line ends are text; lines end with
// LF, CR LF or CR.
#pragma once

#include <cstddef>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace nestvec {

// Reads one record after another from pieces of a text, each byte once. Not thread-safe.
class CsvParser {
 public:
  // Of a record of more than `max_bytes` the fields are dropped; it still ends where it ends.
  CsvParser(char separator, std::size_t max_bytes) : separator_(separator), max_bytes_(max_bytes) {}

  // Of later records only so many fields are kept: a row of commas is not to fill memory.
  void keep_fields(std::size_t most) { most_fields_ = most; }

  // Begins a record.
  void begin();
  // Reads on, at most to the end of the record. Returns how many bytes it took: all, unless the
  // record has ended.
  std::size_t feed(std::string_view bytes);
  // There are no more bytes: what was fed is the record.
  void finish();

  bool ended() const noexcept { return state_ == State::kEnd; }
  // Of a record that has ended, as many as are kept. A blank line has no fields.
  const std::vector<std::string>& fields() const noexcept { return fields_; }
  // How many fields it has up to the last that is not empty, kept or not.
  std::size_t filled() const noexcept { return filled_; }
  bool too_long() const noexcept { return bytes_ > max_bytes_; }
  bool unclosed_quote() const noexcept { return unclosed_; }

 private:
  enum class State { kStart, kField, kPlain, kQuoted, kQuoteInQuoted, kCarriageReturn, kEnd };

  void step(char c);
  void begin_field(char c);
  void in_plain(char c);
  void end_field();
  void put(char c);

  char separator_;
  std::size_t max_bytes_;
  std::size_t most_fields_ = std::numeric_limits<std::size_t>::max();
  State state_ = State::kEnd;
  std::size_t bytes_ = 0;
  std::size_t count_ = 0;  // of fields that have ended
  std::size_t filled_ = 0;
  bool unclosed_ = false;
  std::string field_;
  std::vector<std::string> fields_;
};

}  // namespace nestvec
