// SPDX-License-Identifier: Apache-2.0
// From the parts of a regular expression to the table of a Regex.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "nestvec/error.h"
#include "tokenizer/regex.h"
#include "tokenizer/regex_syntax.h"

namespace nestvec {

// Alternatives become steps that are tried in order (Thompson, "Regular expression search
// algorithm", 1968); then each list of steps that a text can lead to becomes a state. A list ends
// where a match does, since nothing that is tried later could win: this is how an engine that goes
// back finds the same match. One look ahead is decided by the class of the next character, before
// that is read.
class RegexBuilder {
 public:
  explicit RegexBuilder(std::string_view expression);
  void build(Regex& regex);

 private:
  // A step: reads a character of a set, looks ahead at one, tries two ways in order, or is the end.
  struct Step {
    enum class Kind : std::uint8_t { kSet, kLookAhead, kBoth, kMatch };
    Kind kind = Kind::kMatch;
    bool negative = false;
    std::size_t set = 0;
    std::uint32_t next = 0;
    std::uint32_t second = 0;  // kBoth: tried after `next`
  };
  using Steps = std::vector<std::uint32_t>;
  // What a state becomes on a class of characters.
  struct Move {
    Steps steps;
    bool matches = false;  // before the character
  };

  Error too_much(const std::string& what) const;
  void find_classes(Regex& regex);
  std::uint8_t class_of(char32_t c, std::size_t properties);
  std::uint32_t add(Step step);
  std::uint32_t compile(const RegexNode& node, std::uint32_t next);
  std::uint32_t compile_repeat(const RegexNode& node, std::uint32_t next);
  std::uint32_t both(std::uint32_t first, std::uint32_t second);
  bool reads(std::size_t set, std::size_t of_class) const { return members_[of_class][set]; }
  void follow(std::uint32_t step, std::size_t of_class, Move& move);
  Move move(const Steps& state, std::size_t of_class);
  std::uint32_t state_of(const Steps& steps);
  void make_table(Regex& regex);

  std::string_view expression_;
  RegexSyntax syntax_;
  std::vector<std::vector<bool>> members_;               // by class: which sets have it
  std::map<std::vector<bool>, std::uint8_t> class_ids_;  // the same, the other way round
  std::vector<Step> steps_;
  std::vector<bool> seen_;  // steps that the move has followed already
  std::map<Steps, std::uint32_t> states_;
  std::vector<Steps> todo_;  // by state
};

}  // namespace nestvec
