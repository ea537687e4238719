// SPDX-License-Identifier: Apache-2.0
#include "bulk/array_splitter.h"

#include "base/free_buffer.h"

namespace nestvec {
namespace {

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool opens(char c) { return c == '{' || c == '['; }
bool closes(char c) { return c == '}' || c == ']'; }

}  // namespace

void ArraySplitter::go_on_behind_element() { wanted_ = Wanted::kComma; }

void ArraySplitter::begin() {
  state_ = State::kBefore;
  element_.clear();
  bytes_ = 0;
}

void ArraySplitter::put(char c) {
  if (++bytes_ == max_bytes_ + 1) free_buffer(element_);
  if (!too_long()) element_.push_back(c);
}

void ArraySplitter::before(char c) {
  if (is_space(c)) return;
  switch (wanted_) {
    case Wanted::kArray:
      if (c != '[') state_ = State::kBroken;
      wanted_ = Wanted::kFirst;
      return;
    case Wanted::kComma:
      if (c == ']') state_ = State::kEnd;
      if (c != ']' && c != ',') state_ = State::kBroken;
      wanted_ = Wanted::kElement;
      return;
    case Wanted::kFirst:
    case Wanted::kElement:
      break;
  }
  if (c == ']' && wanted_ == Wanted::kFirst) {
    state_ = State::kEnd;
  } else if (c == ',' || closes(c)) {
    state_ = State::kBroken;
  } else {
    state_ = State::kElement;
    depth_ = opens(c) ? 1 : 0;
    in_string_ = c == '"';
    escaped_ = false;
    is_container_ = opens(c) || in_string_;
    put(c);
  }
}

// A number or a word ends before what comes behind it.
bool ArraySplitter::inside(char c) {
  if (!is_container_ && (c == ',' || c == ']' || is_space(c))) {
    state_ = State::kFound;
    return false;
  }
  put(c);
  if (in_string_) {
    if (!escaped_ && c == '"') in_string_ = false;
    escaped_ = !escaped_ && c == '\\';
  } else if (c == '"') {
    in_string_ = true;
  } else if (opens(c)) {
    ++depth_;
  } else if (closes(c) && depth_ > 0) {
    --depth_;
  }
  if (is_container_ && depth_ == 0 && !in_string_) state_ = State::kFound;
  return true;
}

bool ArraySplitter::step(char c) {
  if (state_ == State::kElement) {
    const bool took = inside(c);
    if (state_ == State::kFound) wanted_ = Wanted::kComma;
    return took;
  }
  before(c);
  return true;
}

std::size_t ArraySplitter::feed(std::string_view bytes) {
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const State was = state_;
    if (was != State::kBefore && was != State::kElement) return i;
    if (!step(bytes[i])) return i;
    if (was != state_) return i + 1;
  }
  return bytes.size();
}

}  // namespace nestvec
