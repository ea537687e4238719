// SPDX-License-Identifier: Apache-2.0
// The normalizer "Precompiled": sentencepiece's compiled map from character sequences to their
// replacements (its format: github.com/google/sentencepiece, src/normalizer.cc), applied the way
// Hugging Face does it: to each grapheme cluster of less than 6 bytes as a whole, to each code
// point otherwise, and the shortest key that is a prefix decides.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/normalizer.h"

namespace nestvec {

class Charsmap final : public Normalizer {
 public:
  // `blob`: little-endian length of the trie in bytes, trie units of 4 bytes, replacements that end
  // in NUL. Throws Error kInvalidArgument for a blob that is cut short or whose replacements are
  // not UTF-8.
  explicit Charsmap(std::string_view blob);

  void apply(MappedText& text, MappedText& scratch, Pace& pace) const override;

  // The replacement of the shortest key that `chunk` starts with.
  std::optional<std::string_view> find(std::string_view chunk) const noexcept;

 private:
  // What the fast path needs to know about a code point.
  static constexpr std::uint8_t kPlain = 1;          // unchanged, and a cluster if nothing joins it
  static constexpr std::uint8_t kJoinsPrevious = 2;  // may continue the cluster before it
  static constexpr unsigned kBlockBits = 7;

  bool may_match(std::string_view prefix) const noexcept;
  void classify_code_points();
  std::uint8_t traits(char32_t c) const noexcept {
    return traits_[(blocks_[c >> kBlockBits] << kBlockBits) | (c & ((1U << kBlockBits) - 1))];
  }
  std::size_t plain_run(std::string_view text, std::size_t begin, Pace& pace) const;
  void apply_to_cluster(std::string_view text, std::size_t begin, std::size_t end,
                        TextEditor& editor) const;

  std::vector<std::uint32_t> trie_;
  std::string replacements_;
  std::vector<std::uint32_t> blocks_;
  std::vector<std::uint8_t> traits_;
};

}  // namespace nestvec
