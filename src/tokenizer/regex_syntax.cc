// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/regex_syntax.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "nestvec/error.h"
#include "tokenizer/utf8_scan.h"

namespace nestvec {
namespace {

constexpr std::uint32_t kMostRegexRepeats = 1000;
constexpr unsigned kDeepestGroup = 32;
constexpr std::size_t kLongestRegex = 4096;
constexpr std::size_t kSpaceBit = 1;  // of Regex::properties
constexpr std::size_t kLetterBit = 2;
constexpr std::size_t kNumberBit = 4;

bool is_ascii_letter(char32_t c) { return (c >= U'a' && c <= U'z') || (c >= U'A' && c <= U'Z'); }

char32_t ascii_lower(char32_t c) { return c >= U'A' && c <= U'Z' ? c + 32 : c; }

// Adds what an ASCII character stands for where case does not count: of all characters, only the
// long s and the Kelvin sign fold to an ASCII letter.
void add_without_case(char32_t c, RegexSet& set) {
  set.intervals.push_back({c, c});
  if (!is_ascii_letter(c)) return;
  set.intervals.push_back({c ^ 32, c ^ 32});
  if (ascii_lower(c) == U's') set.intervals.push_back({0x17F, 0x17F});
  if (ascii_lower(c) == U'k') set.intervals.push_back({0x212A, 0x212A});
}

// Letters that fold to one character together, as in the ligatures and the sharp s.
bool folds_together(char32_t first, char32_t second) {
  static constexpr std::string_view kPairs[] = {"ff", "fi", "fl", "ss", "st"};
  const char pair[] = {static_cast<char>(first), static_cast<char>(second)};
  return std::find(std::begin(kPairs), std::end(kPairs), std::string_view(pair, 2)) !=
         std::end(kPairs);
}

class RegexParser {
 public:
  explicit RegexParser(std::string_view expression) : expression_(expression) {}

  RegexSyntax parse() {
    if (expression_.size() > kLongestRegex) {
      throw Error(ErrorCode::kInvalidArgument,
                  "a regular expression of " + std::to_string(expression_.size()) +
                      " bytes is not supported: expected at most " + std::to_string(kLongestRegex));
    }
    RegexSyntax syntax;
    syntax.root = parse_alternatives(0);
    if (!done()) throw unsupported("\")\" without \"(\"");
    syntax.sets = std::move(sets_);
    return syntax;
  }

 private:
  bool done() const { return position_ == expression_.size(); }
  char peek() const { return done() ? '\0' : expression_[position_]; }
  bool ahead(std::string_view text) const {
    return expression_.substr(position_).starts_with(text);
  }
  bool skip(std::string_view text) {
    if (!ahead(text)) return false;
    position_ += text.size();
    return true;
  }

  Error unsupported(std::string_view what) const {
    return Error(ErrorCode::kInvalidArgument, "regular expression \"" + std::string(expression_) +
                                                  "\" is not supported: " + std::string(what) +
                                                  ", at byte " + std::to_string(position_));
  }

  char32_t take() {
    if (done()) throw unsupported("it ends too early");
    return next_code_point(expression_, position_);
  }

  RegexNode parse_alternatives(unsigned depth) {
    if (depth > kDeepestGroup) throw unsupported("groups are nested more than 32 deep");
    RegexNode node{.kind = RegexNode::Kind::kAlternatives};
    do {
      node.children.push_back(parse_sequence(depth));
    } while (skip("|"));
    if (node.children.size() == 1) return std::move(node.children.front());
    return node;
  }

  RegexNode parse_sequence(unsigned depth) {
    RegexNode node{.kind = RegexNode::Kind::kSequence};
    folded_before_ = 0;
    while (!done() && peek() != '|' && peek() != ')') {
      RegexNode part = parse_part(depth);
      parse_repeats(part);
      node.children.push_back(std::move(part));
    }
    return node;
  }

  RegexNode parse_part(unsigned depth) {
    if (skip("(?!")) return parse_look_ahead(true);
    if (skip("(?=")) return parse_look_ahead(false);
    if (ahead("(")) return parse_group(depth);
    RegexSet set = parse_one();
    return leaf(RegexNode::Kind::kSet, std::move(set));
  }

  RegexNode parse_group(unsigned depth) {
    const bool outer = ignore_case_;
    if (skip("(?i:")) {
      ignore_case_ = true;
    } else if (!skip("(?:")) {
      skip("(");
      if (peek() == '?')
        throw unsupported("a group of another kind than (, (?:, (?i:, (?! and (?=");
    }
    RegexNode node = parse_alternatives(depth + 1);
    if (!skip(")")) throw unsupported("\"(\" without \")\"");
    ignore_case_ = outer;
    folded_before_ = 0;
    return node;
  }

  RegexNode parse_look_ahead(bool negative) {
    RegexNode node = leaf(RegexNode::Kind::kLookAhead, parse_one());
    node.negative = negative;
    if (!skip(")")) throw unsupported("it looks ahead at more than one character");
    if (is_repeat()) throw unsupported("a repetition of a look ahead");
    return node;
  }

  RegexNode leaf(RegexNode::Kind kind, RegexSet set) {
    sets_.push_back(std::move(set));
    return {.kind = kind, .set = sets_.size() - 1};
  }

  // A character, an escape or a class.
  RegexSet parse_one() {
    RegexSet set;
    const char32_t c = take();
    if (c == U'[') {
      parse_class(set);
    } else if (c == U'\\') {
      if (const auto escaped = parse_escape(set)) add(*escaped, set);
    } else if (c == U'.') {
      set.intervals.push_back({U'\n', U'\n'});
      set.negated = true;
    } else if (std::u32string_view(U"^$|()*+?{}]").find(c) != std::u32string_view::npos) {
      throw unsupported(std::string("\"") + static_cast<char>(c) + "\" in this place");
    } else {
      check_fold(c);
      add(c, set);
    }
    return set;
  }

  void check_fold(char32_t c) {
    if (!ignore_case_) return;
    if (folds_together(folded_before_, ascii_lower(c))) {
      throw unsupported("(?i:...) over letters that fold to one character");
    }
    folded_before_ = c < 0x80 ? ascii_lower(c) : 0;
  }

  void add(char32_t c, RegexSet& set) const {
    if (!ignore_case_) {
      set.intervals.push_back({c, c});
    } else if (c < 0x80) {
      add_without_case(c, set);
    } else {
      throw unsupported("(?i:...) over more than ASCII");
    }
  }

  // What follows a backslash. Returns the character where it names one.
  std::optional<char32_t> parse_escape(RegexSet& set) {
    const char32_t c = take();
    switch (c) {
      case U's':
      case U'S':
        set.properties.push_back({kSpaceBit, c == U's'});
        return std::nullopt;
      case U'p':
      case U'P':
        parse_property(c == U'p', set);
        return std::nullopt;
      case U't':
        return U'\t';
      case U'n':
        return U'\n';
      case U'r':
        return U'\r';
      case U'f':
        return U'\f';
      case U'v':
        return U'\v';
      default:
        break;
    }
    if (c >= 0x80 || is_ascii_letter(c) || (c >= U'0' && c <= U'9')) {
      throw unsupported("an unknown escape");
    }
    return c;
  }

  void parse_property(bool present, RegexSet& set) {
    if (!skip("{")) throw unsupported("\\p without \"{\"");
    if (skip("^")) present = !present;
    if (skip("L}")) {
      set.properties.push_back({kLetterBit, present});
    } else if (skip("N}")) {
      set.properties.push_back({kNumberBit, present});
    } else {
      throw unsupported("a property other than L and N");
    }
  }

  void parse_class(RegexSet& set) {
    set.negated = skip("^");
    if (set.negated && ignore_case_) throw unsupported("(?i:...) over a negated class");
    if (peek() == ']') throw unsupported("an empty class");
    while (!skip("]")) {
      if (peek() == '[') throw unsupported("a class inside a class");
      if (ahead("&&")) throw unsupported("an intersection of classes");
      parse_class_item(set);
    }
  }

  void parse_class_item(RegexSet& set) {
    const std::optional<char32_t> first = parse_class_character(set);
    const bool range = peek() == '-' && !ahead("-]");
    if (!range) {
      if (first) add(*first, set);
      return;
    }
    if (!first) throw unsupported("a range that begins with a property");
    skip("-");
    const std::optional<char32_t> last = parse_class_character(set);
    if (!last || *last < *first) throw unsupported("a broken range");
    if (ignore_case_) throw unsupported("(?i:...) over a range");
    set.intervals.push_back({*first, *last});
  }

  std::optional<char32_t> parse_class_character(RegexSet& set) {
    if (peek() == '[') throw unsupported("a class inside a class");
    const char32_t c = take();
    if (c != U'\\') return c;
    return parse_escape(set);
  }

  bool is_repeat() const {
    return peek() == '+' || peek() == '*' || peek() == '?' || peek() == '{';
  }

  std::uint32_t parse_number() {
    std::uint32_t number = 0;
    if (peek() < '0' || peek() > '9') throw unsupported("a broken repetition");
    while (peek() >= '0' && peek() <= '9') {
      number = number * 10 + static_cast<std::uint32_t>(peek() - '0');
      if (number > kMostRegexRepeats) throw unsupported("more than 1000 repetitions");
      ++position_;
    }
    return number;
  }

  void parse_repeats(RegexNode& part) {
    if (!is_repeat()) return;
    RegexNode repeat{.kind = RegexNode::Kind::kRepeat};
    if (skip("{")) {
      repeat.least = parse_number();
      repeat.most = repeat.least;
      if (skip(",")) repeat.most = peek() == '}' ? RegexNode::kUnbounded : parse_number();
      if (!skip("}") || repeat.most < repeat.least) throw unsupported("a broken repetition");
    } else {
      repeat.least = peek() == '+' ? 1 : 0;
      repeat.most = peek() == '?' ? 1 : RegexNode::kUnbounded;
      ++position_;
    }
    if (is_repeat()) throw unsupported("a lazy, possessive or double repetition");
    folded_before_ = 0;
    repeat.children.push_back(std::move(part));
    part = std::move(repeat);
  }

  std::string_view expression_;
  std::size_t position_ = 0;
  bool ignore_case_ = false;
  char32_t folded_before_ = 0;  // the letter before, where case does not count
  std::vector<RegexSet> sets_;
};

}  // namespace

bool RegexSet::contains(char32_t c, std::size_t properties_of_c) const {
  const bool found = std::any_of(intervals.begin(), intervals.end(),
                                 [c](const Interval& i) { return i.first <= c && c <= i.last; }) ||
                     std::any_of(properties.begin(), properties.end(), [&](const Property& p) {
                       return ((properties_of_c & p.bit) != 0) == p.present;
                     });
  return found != negated;
}

RegexSyntax parse_regex(std::string_view expression) { return RegexParser(expression).parse(); }

}  // namespace nestvec
