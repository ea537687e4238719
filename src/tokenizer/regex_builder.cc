// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/regex_builder.h"

#include <algorithm>
#include <iterator>
#include <ranges>

namespace nestvec {
namespace {

constexpr std::size_t kMostSteps = 1024;
constexpr std::size_t kMostStates = 256;
constexpr std::size_t kMostClasses = 64;
constexpr std::size_t kMostBoundaries = 64;

bool can_be_empty(const RegexNode& node) {
  const auto empty = [](const RegexNode& child) { return can_be_empty(child); };
  const auto& children = node.children;
  switch (node.kind) {
    case RegexNode::Kind::kSet:
      return false;
    case RegexNode::Kind::kLookAhead:
      return true;
    case RegexNode::Kind::kSequence:
      return std::all_of(children.begin(), children.end(), empty);
    case RegexNode::Kind::kAlternatives:
      return std::any_of(children.begin(), children.end(), empty);
    case RegexNode::Kind::kRepeat:
      return node.least == 0 || can_be_empty(children.front());
  }
  return false;
}

}  // namespace

RegexBuilder::RegexBuilder(std::string_view expression)
    : expression_(expression), syntax_(parse_regex(expression)) {}

Error RegexBuilder::too_much(const std::string& what) const {
  return Error(ErrorCode::kInvalidArgument,
               "regular expression \"" + std::string(expression_) + "\" is not supported: " + what);
}

void RegexBuilder::build(Regex& regex) {
  if (can_be_empty(syntax_.root)) throw too_much("it matches the empty string");
  find_classes(regex);
  const std::uint32_t match = add({});
  const std::uint32_t first = compile(syntax_.root, match);
  todo_ = {{}, {first}};
  states_ = {{{}, Regex::kDead}, {{first}, Regex::kStart}};
  make_table(regex);
}

// Characters that no set tells apart are one class.
void RegexBuilder::find_classes(Regex& regex) {
  for (const RegexSet& set : syntax_.sets) {
    for (const RegexSet::Interval& interval : set.intervals) {
      for (const char32_t edge : {interval.first, static_cast<char32_t>(interval.last + 1)}) {
        if (edge > regex.ascii_.size()) regex.boundaries_.push_back(edge);
      }
    }
  }
  auto& boundaries = regex.boundaries_;
  std::sort(boundaries.begin(), boundaries.end());
  boundaries.erase(std::unique(boundaries.begin(), boundaries.end()), boundaries.end());
  if (boundaries.size() > kMostBoundaries) {
    throw too_much("it has more than 32 intervals beyond ASCII");
  }
  for (char32_t c = 0; c < regex.ascii_.size(); ++c) {
    regex.ascii_[c] = class_of(c, Regex::properties(c));
  }
  for (std::size_t i = 0; i <= boundaries.size(); ++i) {
    const char32_t c = i == 0 ? static_cast<char32_t>(regex.ascii_.size()) : boundaries[i - 1];
    for (std::size_t p = 0; p < Regex::kProperties; ++p) {
      regex.classes_.push_back(class_of(c, p));
    }
  }
  regex.class_count_ = static_cast<std::uint32_t>(members_.size() + 1);
}

std::uint8_t RegexBuilder::class_of(char32_t c, std::size_t properties) {
  std::vector<bool> members;
  members.reserve(syntax_.sets.size());
  for (const RegexSet& set : syntax_.sets) members.push_back(set.contains(c, properties));
  const auto id = static_cast<std::uint8_t>(members_.size());
  const auto [place, fresh] = class_ids_.try_emplace(members, id);
  if (fresh) {
    if (members_.size() == kMostClasses)
      throw too_much("it tells over 64 kinds of characters apart");
    members_.push_back(std::move(members));
  }
  return place->second;
}

std::uint32_t RegexBuilder::add(Step step) {
  if (steps_.size() == kMostSteps)
    throw too_much("it has more than 1024 parts, repeated ones again");
  steps_.push_back(step);
  return static_cast<std::uint32_t>(steps_.size() - 1);
}

std::uint32_t RegexBuilder::both(std::uint32_t first, std::uint32_t second) {
  return add({.kind = Step::Kind::kBoth, .next = first, .second = second});
}

// The first step of `node` with `next` behind it.
std::uint32_t RegexBuilder::compile(const RegexNode& node, std::uint32_t next) {
  const auto& children = node.children;
  switch (node.kind) {
    case RegexNode::Kind::kSet:
      return add({.kind = Step::Kind::kSet, .set = node.set, .next = next});
    case RegexNode::Kind::kLookAhead:
      return add({.kind = Step::Kind::kLookAhead,
                  .negative = node.negative,
                  .set = node.set,
                  .next = next});
    case RegexNode::Kind::kSequence:
      for (const RegexNode& child : children | std::views::reverse) next = compile(child, next);
      return next;
    case RegexNode::Kind::kAlternatives: {
      std::uint32_t first = compile(children.back(), next);
      for (auto child = std::next(children.rbegin()); child != children.rend(); ++child) {
        first = both(compile(*child, next), first);
      }
      return first;
    }
    case RegexNode::Kind::kRepeat:
      return compile_repeat(node, next);
  }
  return next;
}

std::uint32_t RegexBuilder::compile_repeat(const RegexNode& node, std::uint32_t next) {
  const RegexNode& child = node.children.front();
  std::uint32_t first = next;
  std::uint32_t copies = node.least;
  if (node.most == RegexNode::kUnbounded) {
    if (can_be_empty(child)) throw too_much("it repeats what can be empty without an end");
    const std::uint32_t loop = both(0, next);
    const std::uint32_t body = compile(child, loop);
    steps_[loop].next = body;
    first = copies > 0 ? body : loop;
    copies -= copies > 0 ? 1 : 0;
  } else {
    for (std::uint32_t i = node.least; i < node.most; ++i)
      first = both(compile(child, first), next);
  }
  for (; copies > 0; --copies) first = compile(child, first);
  return first;
}

// Adds the steps that `step` leads to without reading. The last class is the end of the text.
void RegexBuilder::follow(std::uint32_t step, std::size_t of_class, Move& move) {
  Steps stack = {step};
  const bool at_end = of_class == members_.size();
  while (!stack.empty() && !move.matches) {
    const std::uint32_t top = stack.back();
    stack.pop_back();
    if (seen_[top]) continue;
    seen_[top] = true;
    const Step& now = steps_[top];
    switch (now.kind) {
      case Step::Kind::kMatch:
        move.matches = true;
        break;
      case Step::Kind::kSet:
        if (!at_end && reads(now.set, of_class)) move.steps.push_back(now.next);
        break;
      case Step::Kind::kLookAhead:
        if ((!at_end && reads(now.set, of_class)) != now.negative) stack.push_back(now.next);
        break;
      case Step::Kind::kBoth:
        stack.push_back(now.second);
        stack.push_back(now.next);
        break;
    }
  }
}

RegexBuilder::Move RegexBuilder::move(const Steps& state, std::size_t of_class) {
  seen_.assign(steps_.size(), false);
  Move move;
  for (const std::uint32_t step : state) {
    if (move.matches) break;
    follow(step, of_class, move);
  }
  // What is tried later in vain again is not kept.
  seen_.assign(steps_.size(), false);
  Steps once;
  for (const std::uint32_t step : move.steps) {
    if (!seen_[step]) once.push_back(step);
    seen_[step] = true;
  }
  move.steps = std::move(once);
  return move;
}

std::uint32_t RegexBuilder::state_of(const Steps& steps) {
  const auto [place, fresh] = states_.try_emplace(steps, static_cast<std::uint32_t>(todo_.size()));
  if (fresh) {
    if (todo_.size() == kMostStates) throw too_much("it needs more than 256 states");
    todo_.push_back(steps);
  }
  return place->second;
}

void RegexBuilder::make_table(Regex& regex) {
  for (std::size_t state = 0; state < todo_.size(); ++state) {
    for (std::size_t of_class = 0; of_class < regex.class_count_; ++of_class) {
      const Move next = move(todo_[state], of_class);
      if (state == Regex::kStart && next.matches) throw too_much("it matches the empty string");
      regex.table_.push_back(state_of(next.steps) << 1 | (next.matches ? 1U : 0U));
    }
  }
}

}  // namespace nestvec
