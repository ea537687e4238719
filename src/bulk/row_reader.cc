// SPDX-License-Identifier: Apache-2.0
#include "bulk/row_reader.h"

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "base/excerpt.h"
#include "base/free_buffer.h"
#include "base/suggestion.h"
#include "base/utf8.h"
#include "bulk/json_row.h"
#include "nestvec/error.h"

namespace nestvec {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
// Other names of JSON Lines.
constexpr std::array<std::string_view, 4> kJsonEndings = {".ndjson", ".jsonlines", ".jl", ".json"};
constexpr std::array<std::pair<std::string_view, RowFormat>, 4> kRowFormats = {
    {{"lines", RowFormat::kLines},
     {"jsonl", RowFormat::kJsonLines},
     {"csv", RowFormat::kCsv},
     {"tsv", RowFormat::kTsv}}};

bool is_blank(std::string_view line) {
  return line.find_first_not_of(" \t") == std::string_view::npos;
}

// Of a header that is one column with another separator in it.
std::string separator_advice(const std::vector<std::string>& header) {
  if (header.size() != 1) return "";
  if (header[0].find('\t') != std::string::npos) return "; for a tab: --delimiter tab";
  for (const char separator : {';', '|', ','}) {
    if (header[0].find(separator) == std::string::npos) continue;
    return std::string("; for this separator: --delimiter '") + separator + "'";
  }
  return "";
}

char separator_of(const RowRules& rules) {
  if (rules.delimiter != '\0') return rules.delimiter;
  return rules.format == RowFormat::kTsv ? '\t' : ',';
}

}  // namespace

RowFormat parse_row_format(std::string_view name) {
  std::vector<std::string> names;
  for (const auto& [known, format] : kRowFormats) {
    if (name == known) return format;
    names.emplace_back(known);
  }
  throw Error(ErrorCode::kInvalidArgument,
              "unknown input format \"" + excerpt(name) + "\"" + suggestion(name, names));
}

char parse_delimiter(std::string_view text) {
  if (text.empty()) return '\0';
  if (text == "tab" || text == "\\t") return '\t';
  const bool is_one = text.size() == 1 && static_cast<unsigned char>(text[0]) < 0x80;
  if (is_one && text != "\"" && text != "\n" && text != "\r") return text[0];
  throw Error(ErrorCode::kInvalidArgument,
              "--delimiter: expected one ASCII character or tab, found \"" + excerpt(text) + "\"");
}

std::string_view row_format_name(RowFormat format) {
  for (const auto& [name, known] : kRowFormats) {
    if (known == format) return name;
  }
  return {};
}

RowFormat guess_row_format(std::string_view path) {
  for (const std::string_view packed : {".gz", ".zst"}) {
    if (path.ends_with(packed)) path.remove_suffix(packed.size());
  }
  for (const std::string_view ending : kJsonEndings) {
    if (path.ends_with(ending)) return RowFormat::kJsonLines;
  }
  if (path.ends_with(".tab")) return RowFormat::kTsv;
  for (const auto& [name, format] : kRowFormats) {
    if (path.ends_with("." + std::string(name))) return format;
  }
  return RowFormat::kLines;
}

RowReader::RowReader(std::unique_ptr<ByteSource> source, std::string name, const RowRules& rules)
    : cursor_(std::move(source)),
      name_(std::move(name)),
      rules_(rules),
      format_(rules.format.value_or(RowFormat::kLines)),
      csv_(separator_of(rules), rules.max_bytes) {
  skip_byte_order_mark();
  if (format_ == RowFormat::kCsv || format_ == RowFormat::kTsv) {
    read_header();
    return;
  }
  if (format_ == RowFormat::kLines) check_no_fields();
  if (!rules.force_text) check_lines();
  if (format_ == RowFormat::kJsonLines && begins_array()) array_.emplace(rules.max_bytes);
}

void RowReader::check_no_fields() const {
  const std::string flag = !rules_.id.empty()               ? "--id " + excerpt(rules_.id)
                           : !rules_.task.empty()           ? "--task-field " + excerpt(rules_.task)
                           : rules_.text != RowRules{}.text ? "--field " + excerpt(rules_.text)
                                                            : "";
  if (flag.empty()) return;
  throw Error(ErrorCode::kInvalidArgument,
              name_ + " is read as lines of text, which have no fields, and " + flag +
                  " was given; if its rows have fields, add --input-format jsonl, csv or tsv");
}

void RowReader::skip_byte_order_mark() {
  while (cursor_.pending().size() < kByteOrderMark.size() && cursor_.more()) continue;
  if (cursor_.pending().starts_with(kByteOrderMark)) cursor_.take(kByteOrderMark.size());
}

// The first line with its end, or as much of it as shows what it is.
std::string_view RowReader::first_line() {
  while (true) {
    const std::string_view text = cursor_.pending();
    const std::size_t end = text.find('\n');
    if (end != std::string_view::npos) return text.substr(0, end + 1);
    if (text.size() >= kJsonRowHead || !cursor_.more()) return cursor_.pending();
  }
}

void RowReader::check_lines() {
  std::string_view line = first_line();
  const std::size_t end = line.find('\r');
  if (end != std::string_view::npos && !line.ends_with('\n') &&
      line.find_first_not_of('\r', end) != std::string_view::npos) {
    throw Error(ErrorCode::kInvalidArgument,
                name_ +
                    " ends its lines with CR alone: convert it with tr '\\r' '\\n', or add "
                    "--force-text to read it as one line");
  }
  line = line.substr(0, line.find_first_of("\r\n"));
  if (format_ != RowFormat::kLines || !rules_.guessed || !is_json_row(line)) return;
  throw Error(ErrorCode::kInvalidArgument,
              name_ +
                  " looks like JSON: read its rows with --jsonl, or add --force-text to read each "
                  "line as it is");
}

// A line that is a row is an object or a string, so a bracket can only open an array of them.
bool RowReader::begins_array() {
  std::size_t seen = 0;
  while (true) {
    const std::string_view text = cursor_.pending();
    seen = text.find_first_not_of(" \t\r\n", seen);
    if (seen != std::string_view::npos) return text[seen] == '[';
    seen = text.size();
    if (seen > rules_.max_bytes || !cursor_.more()) return false;
  }
}

std::size_t RowReader::find_column(const std::string& wanted) const {
  const std::vector<std::string>& header = csv_.fields();
  const auto found = std::find(header.begin(), header.end(), wanted);
  if (found == header.end()) {
    constexpr std::size_t kMostNames = 32;
    std::string names;
    for (const std::string& name : std::span(header).first(std::min(header.size(), kMostNames))) {
      names += (names.empty() ? "" : ", ") + excerpt(name);
    }
    if (header.size() > kMostNames) {
      names += " and " + std::to_string(header.size() - kMostNames) + " more";
    }
    throw Error(ErrorCode::kInvalidArgument,
                one_line(name_ + ": the header has no column \"" + wanted + "\"; it has " +
                         (names.empty() ? "none" : names) + separator_advice(header)));
  }
  if (std::find(found + 1, header.end(), wanted) != header.end()) {
    throw Error(ErrorCode::kInvalidArgument,
                one_line(name_ + ": the header has two columns \"" + wanted + "\""));
  }
  return static_cast<std::size_t>(found - header.begin());
}

void RowReader::read_header() {
  constexpr std::size_t kMostColumns = 65536;
  csv_.keep_fields(kMostColumns + 1);
  bool found = read_record();
  while (found && csv_.fields().empty() && !csv_.too_long()) found = read_record();
  if (!found) return;  // an empty file has no rows
  if (csv_.fields().size() > kMostColumns) {
    throw Error(ErrorCode::kInvalidArgument,
                name_ + ": the header has more than " + std::to_string(kMostColumns) + " columns");
  }
  columns_.text = find_column(rules_.text);
  if (!rules_.id.empty()) columns_.id = find_column(rules_.id);
  if (!rules_.task.empty()) columns_.task = find_column(rules_.task);
  columns_.header = csv_.fields().size();
  csv_.keep_fields(columns_.needed());
}

std::string RowReader::too_long_fault() const {
  return "the row is longer than " + std::to_string(rules_.max_bytes) + " bytes";
}

bool RowReader::read_line(std::string& line, bool& too_long) {
  line.clear();
  too_long = false;
  line_ = cursor_.lines() + 1;
  bool any = false;
  while (true) {
    const std::string_view text = cursor_.pending();
    const std::size_t end = text.find('\n');
    const bool ends = end != std::string_view::npos;
    too_long = too_long || line.size() + (ends ? end : text.size()) > rules_.max_bytes;
    if (too_long) {
      free_buffer(line);
    } else {
      line.append(text.substr(0, end));
    }
    any = any || !text.empty();
    cursor_.take(ends ? end + 1 : text.size());
    if (ends) break;
    if (!cursor_.more()) break;
  }
  if (line.ends_with('\r')) line.pop_back();
  return any;
}

bool RowReader::read_record() {
  csv_.begin();
  line_ = cursor_.lines() + 1;
  bool any = false;
  while (!csv_.ended()) {
    const std::string_view text = cursor_.pending();
    const std::size_t used = csv_.feed(text);
    any = any || used > 0;
    cursor_.take(used);
    if (csv_.ended()) break;
    if (!cursor_.more()) csv_.finish();
  }
  return any;
}

bool RowReader::next_line(RowFields& row) {
  bool too_long = false;
  if (!read_line(row.text, too_long)) return false;
  if (too_long) row.fault = too_long_fault();
  row.repaired = !is_valid_utf8(row.text);
  return true;
}

bool RowReader::next_object(RowFields& row) {
  std::string line;
  bool too_long = false;
  do {
    if (!read_line(line, too_long)) return false;
  } while (!too_long && is_blank(line));
  if (too_long) {
    row.fault = too_long_fault();
    return true;
  }
  row.repaired = !is_valid_utf8(line);
  try {
    read_json_row(line, rules_, row);
  } catch (const Error& error) {
    row.fault = error.what();
  }
  return true;
}

// Goes on to the next element of the array; false at its end, which must be that of the file.
bool RowReader::find_element() {
  using State = ArraySplitter::State;
  const auto broken = [this](const std::string& how) {
    return Error(ErrorCode::kDataLoss,
                 name_ + ":" + std::to_string(cursor_.lines() + 1) + ": the JSON array " + how);
  };
  if (array_->state() != State::kEnd) array_->begin();
  while (array_->state() != State::kFound && array_->state() != State::kEnd) {
    const State before = array_->state();
    const std::size_t used = array_->feed(cursor_.pending());
    cursor_.take(used);
    if (array_->state() == State::kBroken) throw broken("needs a comma, a row or ] here");
    if (before == State::kBefore) line_ = cursor_.lines() + 1;
    if (used > 0 || array_->state() != before) continue;
    if (!cursor_.more()) throw broken("is not closed: the file is truncated");
  }
  if (array_->state() == State::kFound) return true;
  do {
    const std::string_view rest = cursor_.pending();
    const std::size_t other = rest.find_first_not_of(" \t\r\n");
    cursor_.take(std::min(other, rest.size()));
    if (other != std::string_view::npos) throw broken("ends here, and more text follows");
  } while (cursor_.more());
  return false;
}

bool RowReader::next_element(RowFields& row) {
  if (!find_element()) return false;
  if (array_->too_long()) {
    row.fault = too_long_fault();
    return true;
  }
  row.repaired = !is_valid_utf8(array_->element());
  try {
    read_json_row(array_->element(), rules_, row);
  } catch (const Error& error) {
    row.fault = error.what();
  }
  return true;
}

bool RowReader::next_record(RowFields& row) {
  const std::vector<std::string>& fields = csv_.fields();
  do {
    if (!read_record()) return false;
  } while (fields.empty() && !csv_.too_long());
  const std::size_t needed = columns_.needed();
  if (csv_.too_long()) {
    row.fault = too_long_fault();
  } else if (csv_.unclosed_quote()) {
    row.fault = "a quoted field is not closed before the end of the file";
  } else if (fields.size() < needed) {
    row.fault = "the row has " + std::to_string(fields.size()) +
                " fields, and the header requires " + std::to_string(needed);
  } else if (csv_.filled() > columns_.header) {
    row.fault = "the row has " + std::to_string(csv_.filled()) + " fields, and the header has " +
                std::to_string(columns_.header) +
                "; put a field that contains the separator in double quotes";
  } else {
    row.text = fields[columns_.text];
    row.repaired = !is_valid_utf8(row.text);
    if (columns_.id) row.id = json_id_of(fields[*columns_.id]);
    if (columns_.task) row.task = fields[*columns_.task];
  }
  return true;
}

bool RowReader::next(RowFields& row) {
  row = RowFields();
  switch (format_) {
    case RowFormat::kJsonLines:
      return array_ ? next_element(row) : next_object(row);
    case RowFormat::kCsv:
    case RowFormat::kTsv:
      return next_record(row);
    case RowFormat::kLines:
      break;
  }
  return next_line(row);
}

void RowReader::skip_to(std::uint64_t offset) {
  if (array_ && offset > cursor_.offset()) array_->go_on_behind_element();
  while (cursor_.offset() < offset) {
    if (cursor_.pending().empty() && !cursor_.more()) return;
    cursor_.take(static_cast<std::size_t>(
        std::min<std::uint64_t>(offset - cursor_.offset(), cursor_.pending().size())));
  }
}

}  // namespace nestvec
