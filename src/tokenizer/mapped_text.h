// SPDX-License-Identifier: Apache-2.0
// A text on its way through the pipeline that knows where each of its bytes came from, and the
// editor that writes the next version of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/pace.h"
#include "tokenizer/utf8_scan.h"

namespace nestvec {

// Valid UTF-8 and, where it is tracked, for each byte the position at which the code point of the
// original text starts that it stands for. (Hugging Face keeps a range for each byte; it is always
// the range of one code point of the original.)
struct MappedText {
  std::string bytes;
  std::vector<std::uint32_t> origins;  // bytes.size() entries where tracked, none otherwise
  bool tracked = false;

  // A range of bytes of a text.
  struct Source {
    std::string_view text;
    std::size_t begin;
    std::size_t end;
  };
  // Becomes what is in the range.
  void assign(const Source& original, bool track, Pace& pace);
  // Becomes the empty text.
  void clear(bool track);
  // Appends bytes that all stand for the code point at `origin`.
  void append(std::string_view text, std::uint32_t origin);
  void append_from(const MappedText& source, std::size_t begin, std::size_t end, Pace& pace);
};

// Throws Error kInvalidArgument where a text has grown over 4 GiB - 1, which 32-bit ranges hold.
void check_mapped_size(const MappedText& text);

// Writes a changed form of `source` into `target`, code point by code point, each with a change as
// Hugging Face's NormalizedString::transform takes it: 0 replaces the next code point of the
// source, 1 is inserted and takes the place of the one before. Not thread-safe.
class TextEditor {
 public:
  // `target` loses its contents. All must outlive the editor.
  TextEditor(const MappedText& source, MappedText& target, Pace& pace);

  // Source bytes [begin, end) as they are: each code point with change 0.
  void copy(std::size_t begin, std::size_t end);
  void put(char32_t code_point, std::int32_t change);
  // `characters` more code points of the source are gone after the one that was put last. With
  // nothing put yet they are not passed over: that is what the reference does.
  void remove(std::size_t characters);
  // The first `characters` code points of the source are gone. Only before anything is put.
  void skip(std::size_t characters) { advance(characters); }

 private:
  void advance(std::size_t characters);
  std::uint32_t origin_at(std::size_t position) const;

  const MappedText& source_;
  MappedText& target_;
  Pace& pace_;
  std::size_t cursor_ = 0;       // in the source: what the next change 0 replaces
  std::size_t last_length_ = 0;  // bytes of the code point put last, 0 before the first
  bool last_was_inserted_ = false;
};

}  // namespace nestvec
