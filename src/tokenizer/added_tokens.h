// SPDX-License-Identifier: Apache-2.0
// Tokens beside the model's vocabulary, "<mask>" for one: found in the text before anything else
// looks at it, or after the normalizer.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "tokenizer/added_token.h"
#include "tokenizer/double_array.h"
#include "tokenizer/model.h"
#include "tokenizer/normalizer.h"

namespace nestvec {

// A part of a text: an added token, or (no id) what lies between them.
struct TextPart {
  std::optional<std::uint32_t> id;
  std::size_t begin;
  std::size_t end;
};

// Immutable, safe for concurrent use.
class AddedTokens {
 public:
  // Ids are those of the model where it knows the content, else the next ones behind its
  // vocabulary, in order. `normalizer` may be null. Throws Error kInvalidArgument for two tokens
  // that look the same and for one that the normalizer leaves nothing of.
  AddedTokens(const std::vector<AddedToken>& tokens, const TokenModel& model,
              const Normalizer* normalizer);

  // Cuts `text` into parts that cover it but for nothing, in order. `normalized` says which
  // tokens are looked for. `parse_special` false: special ones are text like any other. Linear in
  // the text, times the longest token; throws what the pace throws.
  void split(std::string_view text, bool normalized, bool parse_special,
             std::vector<TextPart>& parts, Pace& pace) const;

  // Whether split() could find anything.
  bool has_any(bool normalized) const noexcept { return !matcher(normalized).ids.empty(); }

  std::optional<std::uint32_t> token_to_id(std::string_view content) const;
  // The content, or its normalized form where that differs: what decoding starts from.
  std::optional<std::string_view> id_to_token(std::uint32_t id) const;
  // Whether a string is the content of a special token.
  bool is_special(std::string_view content) const;
  // Tokens that the model does not have.
  std::size_t beyond_model() const noexcept { return beyond_model_; }

 private:
  struct Entry {
    AddedToken token;
    std::uint32_t id;
    std::string pattern;  // what is looked for
  };
  // One of the two sets of tokens that are looked for together.
  struct Matcher {
    DoubleArray trie;                // pattern -> index of the entry
    std::vector<std::uint32_t> ids;  // of its entries
    std::string first_bytes;         // each byte that a pattern starts with, once
    std::array<bool, 256> starts{};  // the same as a table
  };
  struct Match {
    std::size_t begin;
    std::size_t end;
    const Entry* entry;
  };

  const Matcher& matcher(bool normalized) const noexcept {
    return normalized ? normalized_ : plain_;
  }
  void add(const AddedToken& token, const TokenModel& model, const Normalizer* normalizer,
           std::uint32_t& next_id);
  void build_matcher(bool normalized, Matcher& target);
  std::optional<Match> find(const Matcher& matcher, std::string_view text, std::size_t from,
                            Pace& pace) const;
  bool stands_alone(std::string_view text, const Match& match) const;
  class Cutter;

  std::vector<Entry> entries_;
  std::unordered_map<std::string, std::uint32_t> ids_;    // by content
  std::unordered_map<std::uint32_t, std::size_t> by_id_;  // -> index of the entry
  std::unordered_set<std::string> special_;               // contents
  std::size_t beyond_model_ = 0;
  Matcher plain_;
  Matcher normalized_;
};

}  // namespace nestvec
