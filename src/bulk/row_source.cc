// SPDX-License-Identifier: Apache-2.0
#include "bulk/row_source.h"

#include <utility>

#include "nestvec/error.h"

namespace nestvec {

RowSource::RowSource(std::vector<InputFacts> inputs, const RowRules& rules, std::stop_token stop)
    : inputs_(std::move(inputs)), rules_(rules), stop_(std::move(stop)) {}

void RowSource::open() {
  const std::string& path = inputs_[file_].path;
  RowRules rules = rules_;
  rules.guessed = !rules.format;
  if (rules.guessed) rules.format = guess_row_format(path);
  reader_ = std::make_unique<RowReader>(open_source(path, stop_, rules.force_text),
                                        input_name(path), rules);
}

RowPlace RowSource::place() const {
  const TextCursor& cursor = reader_->cursor();
  return {file_, cursor.offset(), cursor.checksum(), raw_before_ + cursor.raw_bytes()};
}

void RowSource::resume(const RowPlace& place, std::uint64_t rows) {
  rows_ = rows;
  if (place.offset == 0) return;  // nothing had been read
  for (; file_ < place.file; ++file_) raw_before_ += inputs_[file_].bytes;
  open();
  reader_->skip_to(place.offset);
  const TextCursor& cursor = reader_->cursor();
  if (cursor.offset() == place.offset && cursor.checksum() == place.checksum) return;
  throw Error(ErrorCode::kInvalidArgument,
              "--resume: the first " + std::to_string(place.offset) + " bytes of " +
                  input_name(inputs_[file_].path) +
                  " differ from those read before; start over with --restart");
}

bool RowSource::next(SourceRow& row) {
  while (file_ < inputs_.size()) {
    if (stop_.stop_requested()) throw Error(ErrorCode::kCancelled, "interrupted");
    if (!reader_) open();
    if (reader_->next(row.fields)) {
      row.index = rows_++;
      row.digest.reset();
      row.file = file_;
      row.line = reader_->line();
      row.end = place();
      return true;
    }
    raw_before_ += reader_->cursor().raw_bytes();
    reader_.reset();
    ++file_;
  }
  return false;
}

}  // namespace nestvec
