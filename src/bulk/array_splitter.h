// SPDX-License-Identifier: Apache-2.0
// The elements of one large JSON array, one after another, without reading it whole.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace nestvec {

// Finds where elements begin and end; whether each is JSON is for a parser to say. Not thread-safe.
class ArraySplitter {
 public:
  enum class State {
    kBefore,   // the array, an element, or what parts two of them
    kElement,  // in one
    kFound,    // an element is whole
    kEnd,      // the array is closed
    kBroken,   // something else stands where a comma, an element or the end should
  };

  // Of an element of more than `max_bytes` the text is dropped; it still ends where it ends.
  explicit ArraySplitter(std::size_t max_bytes) : max_bytes_(max_bytes) {}

  // The array has begun and an element has ended, in what is not fed.
  void go_on_behind_element();

  // Goes on to the next element. Precondition: kFound, or nothing was fed.
  void begin();
  // Reads on, at most behind the first byte of an element, and then to its end. Returns how many
  // bytes it took.
  std::size_t feed(std::string_view bytes);

  State state() const noexcept { return state_; }
  const std::string& element() const noexcept { return element_; }
  bool too_long() const noexcept { return bytes_ > max_bytes_; }

 private:
  enum class Wanted { kArray, kFirst, kComma, kElement };

  // Whether it took the byte.
  bool step(char c);
  void before(char c);
  bool inside(char c);
  void put(char c);

  std::size_t max_bytes_;
  State state_ = State::kBefore;
  Wanted wanted_ = Wanted::kArray;
  std::string element_;
  std::size_t bytes_ = 0;
  std::size_t depth_ = 0;
  bool in_string_ = false;
  bool escaped_ = false;
  bool is_container_ = false;  // the element is an object, an array or a string: it ends by itself
};

}  // namespace nestvec
