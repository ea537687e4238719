// SPDX-License-Identifier: Apache-2.0
// What happens to the tokens of one text, or of two, at the end: special tokens around them,
// offsets trimmed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/token_types.h"

namespace nestvec {

// A special token by its id, or the place of a text's own tokens (nullopt), with the type that
// they have.
struct LayoutToken {
  std::optional<std::uint32_t> id;
  std::uint32_t type = 0;
  bool second = false;  // of a text: it is B
};

// A row of tokens.
using TokenLayout = std::vector<LayoutToken>;

// One step as the file has it.
struct PostProcessorStep {
  enum class Kind { kTemplate, kBert, kRoberta, kByteLevel };
  Kind kind = Kind::kTemplate;
  // kTemplate: its "single" form piece by piece; the text stands in it exactly once.
  std::vector<TokenLayout> pieces;
  // kTemplate: its "pair" form; empty if the file has none.
  std::vector<TokenLayout> pair_pieces;
  std::uint32_t separator = 0;  // kBert, kRoberta
  std::uint32_t classifier = 0;
  // kRoberta, kByteLevel: offsets leave out the whitespace of a token,
  bool trim_offsets = false;
  bool add_prefix_space = true;  // but for one space of the first token
};

// All steps folded into what they amount to for one text and for a pair of texts. Immutable.
class PostProcessor {
 public:
  // No post-processor: the text's tokens alone.
  PostProcessor() = default;
  // Throws Error kInvalidArgument for a template behind another one, which the reference cannot
  // run.
  explicit PostProcessor(const std::vector<PostProcessorStep>& steps);

  // Special tokens before and behind the text.
  const std::vector<std::uint32_t>& prefix() const noexcept { return prefix_; }
  const std::vector<std::uint32_t>& suffix() const noexcept { return suffix_; }
  // Of these tokens and of the text's.
  const TokenTypes& types() const noexcept { return types_; }
  std::size_t special_count() const noexcept { return prefix_.size() + suffix_.size(); }
  // How many the reference believes to add, which it subtracts when it truncates: the same but for
  // odd sequences.
  std::size_t declared_count() const noexcept { return declared_count_; }

  // Two texts and the special tokens around them; each text stands in it exactly once. Empty if
  // there is no such layout, and pair_problem() says why.
  const TokenLayout& pair() const noexcept { return pair_; }
  const std::string& pair_problem() const noexcept { return pair_problem_; }

  struct Trim {
    bool add_prefix_space;
    bool text_comes_first;  // no special token stands before the text yet
  };
  const std::vector<Trim>& trims() const noexcept { return trims_; }

 private:
  void fold_single(const std::vector<PostProcessorStep>& steps);
  void fold_pair(const std::vector<PostProcessorStep>& steps);

  std::vector<std::uint32_t> prefix_;
  std::vector<std::uint32_t> suffix_;
  TokenTypes types_;
  std::vector<Trim> trims_;
  std::size_t declared_count_ = 0;
  TokenLayout pair_;
  std::string pair_problem_ = "tokenizer.json has no post_processor";
};

}  // namespace nestvec
