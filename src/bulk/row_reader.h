// SPDX-License-Identifier: Apache-2.0
// The rows of one file: lines, JSON Lines or an array of JSON objects, records of CSV and TSV.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bulk/array_splitter.h"
#include "bulk/csv_parser.h"
#include "bulk/text_cursor.h"

namespace nestvec {

enum class RowFormat { kLines, kJsonLines, kCsv, kTsv };

// "lines", "jsonl", "csv", "tsv". Throws Error kInvalidArgument listing them.
RowFormat parse_row_format(std::string_view name);
std::string_view row_format_name(RowFormat format);
// By what the name ends in: .jsonl, .jsonlines, .jl, .ndjson or .json, .csv, .tsv, each also with
// .gz or .zst; else lines.
RowFormat guess_row_format(std::string_view path);
// The separator of columns that a user wrote: "tab" and "\\t" are a tab, which a shell makes hard
// to type; '\0' for "". Throws Error kInvalidArgument for what is not one ASCII character.
char parse_delimiter(std::string_view text);

// What of a row is wanted.
struct RowRules {
  std::optional<RowFormat> format;  // empty = guess_row_format
  // Member of the JSON object, or column of that name. "a.b" is also the member b of a member a.
  std::string text = "text";
  std::string id;           // likewise; empty = rows have none
  std::string task;         // likewise
  bool force_text = false;  // whatever the first bytes look like
  // Nobody has said what the rows are: lines that begin with a row of JSON are refused.
  bool guessed = false;
  char delimiter = '\0';  // of columns; '\0' = a comma, of TSV a tab
  // A longer row is a bad row; it is not kept in memory.
  std::size_t max_bytes = std::size_t{16} << 20;
};

struct RowFields {
  std::string text;
  std::string id;         // as a JSON value; empty where the rules name none
  std::string task;       // may be empty
  std::string fault;      // why the row is bad, one line; empty for a good one
  bool repaired = false;  // it had bytes that are not UTF-8, which become U+FFFD
};

// Not thread-safe.
class RowReader {
 public:
  // `name` is for errors. Reads the header of CSV and TSV. Throws Error: kInvalidArgument (a column
  // that the rules name is not there, or any in lines of text; what looks like JSON or like lines
  // of another system, unless rules.force_text), and as ByteSource::read.
  RowReader(std::unique_ptr<ByteSource> source, std::string name, const RowRules& rules);

  // The next row; false at the end. Blank lines are rows only where each line is a text. A byte
  // order mark at the start belongs to no text. Throws Error as ByteSource::read, and kDataLoss for
  // a JSON array that is cut, broken between its elements, or not the end of the file.
  bool next(RowFields& row);
  // The line at which that row began, from 1.
  std::uint64_t line() const noexcept { return line_; }

  // What has been read, up to the row's end.
  const TextCursor& cursor() const noexcept { return cursor_; }
  // Passes over bytes of the text up to an end of a row that another run has seen, all of them if
  // there are fewer. What is before the cursor stays there.
  void skip_to(std::uint64_t offset);

 private:
  // The columns of the header that are wanted.
  struct Columns {
    std::size_t text = 0;
    std::optional<std::size_t> id;
    std::optional<std::size_t> task;
    std::size_t header = 0;  // how many there are

    // Fields that a row must have.
    std::size_t needed() const { return 1 + std::max({text, id.value_or(0), task.value_or(0)}); }
  };

  void skip_byte_order_mark();
  bool begins_array();
  std::string_view first_line();
  void check_lines();
  void check_no_fields() const;
  void read_header();
  std::size_t find_column(const std::string& wanted) const;
  bool read_line(std::string& line, bool& too_long);
  bool read_record();
  bool next_line(RowFields& row);
  bool next_object(RowFields& row);
  bool next_element(RowFields& row);
  bool find_element();
  bool next_record(RowFields& row);
  std::string too_long_fault() const;

  TextCursor cursor_;
  std::string name_;
  RowRules rules_;
  RowFormat format_;
  CsvParser csv_;
  Columns columns_;
  std::optional<ArraySplitter> array_;  // where the file is one array, not lines
  std::uint64_t line_ = 1;
};

}  // namespace nestvec
