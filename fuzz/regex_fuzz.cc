// SPDX-License-Identifier: Apache-2.0
// A regular expression (the first line) over a text (the rest): refused in one line, or it finds
// what a matcher that goes back finds, in time linear in the text.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/utf8.h"
#include "expect_one_line.h"
#include "nestvec/error.h"
#include "tokenizer/regex.h"
#include "tokenizer/regex_syntax.h"
#include "tokenizer/unicode_data.h"

namespace {

using nestvec::RegexNode;
using Kind = RegexNode::Kind;
using Next = std::function<bool(std::size_t)>;

constexpr std::size_t kMostSteps = 20000;  // after that it may take for ever
constexpr std::size_t kLongestText = 300;

void require(bool condition) {
  if (!condition) std::abort();
}

std::size_t properties_of(char32_t c) {
  return (nestvec::is_whitespace(c) ? 1U : 0U) | (nestvec::is_letter(c) ? 2U : 0U) |
         (nestvec::is_number(c) ? 4U : 0U);
}

// Tries one way after the other, as the definition has it.
class Backtracker {
 public:
  Backtracker(const nestvec::RegexSyntax& syntax, std::string_view text)
      : syntax_(syntax), text_(text) {}

  // The end of the match at `begin`; `begin` for none.
  std::size_t match_at(std::size_t begin) {
    std::size_t end = begin;
    match(syntax_.root, begin, [&end](std::size_t at) {
      end = at;
      return true;
    });
    return end;
  }
  bool gave_up() const { return steps_ > kMostSteps; }

 private:
  bool match(const RegexNode& node, std::size_t at, const Next& next) {
    if (++steps_ > kMostSteps) return false;
    switch (node.kind) {
      case Kind::kSet: {
        std::size_t behind = at;
        return reads(node.set, behind) && next(behind);
      }
      case Kind::kLookAhead: {
        std::size_t behind = at;
        return reads(node.set, behind) != node.negative && next(at);
      }
      case Kind::kSequence:
        return sequence(node, 0, at, next);
      case Kind::kAlternatives:
        return std::any_of(node.children.begin(), node.children.end(),
                           [&](const RegexNode& child) { return match(child, at, next); });
      case Kind::kRepeat:
        return repeat(node, 0, at, next);
    }
    return false;
  }

  bool reads(std::size_t set, std::size_t& at) const {
    if (at == text_.size()) return false;
    const char32_t c = nestvec::next_code_point(text_, at);
    return syntax_.sets[set].contains(c, properties_of(c));
  }

  bool sequence(const RegexNode& node, std::size_t index, std::size_t at, const Next& next) {
    if (index == node.children.size()) return next(at);
    return match(node.children[index], at, [&, index](std::size_t behind) {
      return sequence(node, index + 1, behind, next);
    });
  }

  bool repeat(const RegexNode& node, std::uint32_t count, std::size_t at, const Next& next) {
    const bool more = count < node.most && match(
                                               node.children.front(), at,
                                               [&](std::size_t behind) {
                                                 return repeat(node, count + 1, behind, next);
                                               });
    return more || (count >= node.least && next(at));
  }

  const nestvec::RegexSyntax& syntax_;
  std::string_view text_;
  std::size_t steps_ = 0;
};

void compare(std::string_view expression, std::string_view text) {
  const nestvec::Regex regex(expression);
  const nestvec::RegexSyntax syntax = nestvec::parse_regex(expression);
  nestvec::Pace pace;
  nestvec::Regex::Finder finder(regex, text, text.size(), pace);
  for (std::size_t done = 0; done < text.size();) {
    const auto found = finder.find(done);
    const std::size_t begin = found ? found->begin : text.size();
    for (std::size_t at = done; at < text.size(); at += nestvec::utf8_length(text[at])) {
      Backtracker truth(syntax, text);
      const std::size_t end = truth.match_at(at);
      if (truth.gave_up()) return;
      require((end > at) == (at == begin));
      if (at < begin) continue;
      require(end == found->end);
      break;
    }
    if (!found) break;
    require(found->begin >= done && found->end > found->begin);
    done = found->end;
  }
  require(pace.steps() <= (text.size() + 1) * 600);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string storage;
  const std::string_view input =
      nestvec::repair_utf8(std::string_view(reinterpret_cast<const char*>(data), size), storage);
  const std::size_t line = std::min(input.find('\n'), input.size());
  const std::string_view text = input.substr(std::min(line + 1, input.size()));
  if (text.size() > kLongestText) return 0;
  try {
    compare(input.substr(0, line), text);
  } catch (const nestvec::Error& error) {
    require(error.code() == nestvec::ErrorCode::kInvalidArgument);
    require(nestvec::is_valid_utf8(error.what()));
  }
  return 0;
}
