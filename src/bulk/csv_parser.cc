// SPDX-License-Identifier: Apache-2.0
#include "bulk/csv_parser.h"

#include <utility>

#include "base/free_buffer.h"

namespace nestvec {
namespace {

constexpr char kQuote = '"';

}  // namespace

void CsvParser::begin() {
  state_ = State::kStart;
  bytes_ = 0;
  count_ = 0;
  filled_ = 0;
  unclosed_ = false;
  field_.clear();
  fields_.clear();
}

void CsvParser::put(char c) {
  filled_ = count_ + 1;
  if (!too_long() && fields_.size() < most_fields_) field_.push_back(c);
}

void CsvParser::end_field() {
  if (!too_long() && fields_.size() < most_fields_) fields_.push_back(std::move(field_));
  field_.clear();
  ++count_;
}

// What stands outside of quotes, behind a field's first character or its closing quote.
void CsvParser::in_plain(char c) {
  if (c == separator_) {
    end_field();
    state_ = State::kField;
  } else if (c == '\n' || c == '\r') {
    end_field();
    state_ = c == '\n' ? State::kEnd : State::kCarriageReturn;
  } else {
    put(c);
    state_ = State::kPlain;
  }
}

void CsvParser::begin_field(char c) {
  if (c == kQuote) {
    state_ = State::kQuoted;
  } else {
    in_plain(c);
  }
}

void CsvParser::step(char c) {
  switch (state_) {
    case State::kStart:
      if (c == '\n' || c == '\r') {
        state_ = c == '\n' ? State::kEnd : State::kCarriageReturn;
      } else {
        begin_field(c);
      }
      break;
    case State::kField:
      begin_field(c);
      break;
    case State::kPlain:
      in_plain(c);
      break;
    case State::kQuoted:
      if (c == kQuote) {
        state_ = State::kQuoteInQuoted;
      } else {
        put(c);
      }
      break;
    case State::kQuoteInQuoted:
      if (c == kQuote) {
        put(c);
        state_ = State::kQuoted;
      } else {
        in_plain(c);
      }
      break;
    case State::kCarriageReturn:
    case State::kEnd:
      break;
  }
}

std::size_t CsvParser::feed(std::string_view bytes) {
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (state_ == State::kEnd) return i;
    if (state_ == State::kCarriageReturn) {
      state_ = State::kEnd;
      return bytes[i] == '\n' ? i + 1 : i;
    }
    // A field's own memory is freed here, not only bounded.
    if (++bytes_ == max_bytes_ + 1) {
      free_buffer(field_);
      free_buffer(fields_);
    }
    step(bytes[i]);
  }
  return bytes.size();
}

void CsvParser::finish() {
  if (state_ == State::kQuoted) unclosed_ = true;
  const bool has_field = state_ != State::kStart && state_ != State::kCarriageReturn;
  if (has_field && state_ != State::kEnd) end_field();
  state_ = State::kEnd;
}

}  // namespace nestvec
