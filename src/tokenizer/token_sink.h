// SPDX-License-Identifier: Apache-2.0
// Where a model puts its tokens.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "tokenizer/mapped_text.h"
#include "tokenizer/tokenizer.h"

namespace nestvec {

// Whitespace at both ends of a token's string, in characters; what RobertaProcessing trims.
struct TokenMargins {
  std::uint32_t leading;
  std::uint32_t trailing;
};

// Appends to vectors of the caller; remembers whose text is being cut.
class TokenSink {
 public:
  // `original` is what origins refer to. `offsets` and `margins` may be null.
  TokenSink(std::string_view original, std::vector<std::uint32_t>& ids,
            std::vector<ByteRange>* offsets, std::vector<TokenMargins>* margins)
      : original_(original), ids_(ids), offsets_(offsets), margins_(margins) {}

  // What the ranges of the following tokens refer to. It is tracked where offsets are wanted.
  void set_text(const MappedText& text) { text_ = &text; }

  std::size_t size() const noexcept { return ids_.size(); }
  // Whether add() looks at the token's string.
  bool reads_strings() const noexcept { return margins_ != nullptr; }

  // A token made of bytes [begin, end) of the text; `string` is what the reference calls its value.
  void add(std::uint32_t id, std::size_t begin, std::size_t end, std::string_view string) {
    ids_.push_back(id);
    if (offsets_ != nullptr) add_offsets(begin, end);
    if (margins_ != nullptr) add_margins(string);
  }

  // A token that stands for bytes [begin, end) of the original text.
  void add_original(std::uint32_t id, std::size_t begin, std::size_t end) {
    ids_.push_back(id);
    if (offsets_ != nullptr) {
      offsets_->push_back({static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(end)});
    }
    if (margins_ != nullptr) add_margins(original_.substr(begin, end - begin));
  }

 private:
  void add_offsets(std::size_t begin, std::size_t end) {
    const std::uint32_t last = text_->origins[end - 1];
    offsets_->push_back({text_->origins[begin], last + utf8_length(original_[last])});
  }
  void add_margins(std::string_view string);

  std::string_view original_;
  std::vector<std::uint32_t>& ids_;
  std::vector<ByteRange>* offsets_;
  std::vector<TokenMargins>* margins_;
  const MappedText* text_ = nullptr;
};

}  // namespace nestvec
