// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/pattern.h"

#include <algorithm>
#include <limits>

#include "nestvec/error.h"
#include "tokenizer/unicode_data.h"
#include "tokenizer/utf8_scan.h"

namespace nestvec {
namespace {

constexpr std::uint32_t kUnbounded = std::numeric_limits<std::uint32_t>::max();
constexpr std::uint32_t kMostRepeats = 100000;  // what Oniguruma allows in {n,m}

}  // namespace

bool Pattern::Atom::contains(char32_t c) const {
  const bool in_interval = std::any_of(intervals.begin(), intervals.end(), [c](const Interval& i) {
    return i.first <= c && c <= i.last;
  });
  const bool found =
      in_interval || (whitespace && is_whitespace(c)) || (not_whitespace && !is_whitespace(c));
  return found != negated;
}

// Reads the small language that regex() describes.
class PatternParser {
 public:
  explicit PatternParser(std::string_view expression) : expression_(expression) {}

  std::vector<Pattern::Atom> parse() {
    std::vector<Pattern::Atom> atoms;
    while (!done()) {
      if (!atoms.empty() && atoms.back().most != atoms.back().least) {
        throw unsupported("only its last part may repeat a varying number of times");
      }
      atoms.push_back(parse_atom());
      parse_repeats(atoms.back());
    }
    if (atoms.empty()) throw unsupported("it is empty");
    const bool matches_nothing = std::all_of(
        atoms.begin(), atoms.end(), [](const Pattern::Atom& atom) { return atom.least == 0; });
    if (matches_nothing) throw unsupported("it matches the empty string");
    return atoms;
  }

 private:
  bool done() const { return position_ == expression_.size(); }
  char peek() const { return done() ? '\0' : expression_[position_]; }

  Error unsupported(std::string_view why) const {
    return Error(ErrorCode::kInvalidArgument, "regular expression \"" + std::string(expression_) +
                                                  "\" is not supported: " + std::string(why));
  }

  char32_t take() {
    if (done()) throw unsupported("it ends too early");
    return next_code_point(expression_, position_);
  }

  static void add(Pattern::Atom& atom, char32_t first, char32_t last) {
    atom.intervals.push_back({first, last});
  }

  Pattern::Atom parse_atom() {
    Pattern::Atom atom;
    const char32_t c = take();
    if (c == U'[') {
      parse_class(atom);
    } else if (c == U'\\') {
      parse_escape(atom);
    } else if (c == U'.') {
      add(atom, U'\n', U'\n');
      atom.negated = true;
    } else if (std::u32string_view(U"^$|()*+?{}]").find(c) != std::u32string_view::npos) {
      throw unsupported("it uses more than characters, classes and repetition");
    } else {
      add(atom, c, c);
    }
    return atom;
  }

  // What follows a backslash. Returns the character where it names one.
  std::optional<char32_t> parse_escape(Pattern::Atom& atom) {
    const char32_t c = take();
    if (c == U's' || c == U'S') {
      (c == U's' ? atom.whitespace : atom.not_whitespace) = true;
      return std::nullopt;
    }
    char32_t value = c;
    if (c == U't') value = U'\t';
    if (c == U'n') value = U'\n';
    if (c == U'r') value = U'\r';
    if (c == U'f') value = U'\f';
    if (c == U'v') value = U'\v';
    const bool letter_or_digit =
        (c >= U'0' && c <= U'9') || (c >= U'a' && c <= U'z') || (c >= U'A' && c <= U'Z');
    if (c >= 0x80 || (value == c && letter_or_digit))
      throw unsupported("it uses an unknown escape");
    add(atom, value, value);
    return value;
  }

  void parse_class(Pattern::Atom& atom) {
    if (peek() == '^') {
      atom.negated = true;
      ++position_;
    }
    if (peek() == ']') throw unsupported("it has an empty class");
    while (peek() != ']') {
      if (peek() == '[') throw unsupported("it has a class inside a class");
      if (expression_.substr(position_, 2) == "&&") throw unsupported("it intersects classes");
      parse_class_item(atom);
    }
    ++position_;
  }

  void parse_class_item(Pattern::Atom& atom) {
    const char32_t c = take();
    const std::optional<char32_t> first =
        c == U'\\' ? parse_escape(atom) : std::optional<char32_t>(c);
    if (!first) return;
    if (c != U'\\') add(atom, c, c);
    const bool range = peek() == '-' && expression_.substr(position_, 2) != "-]";
    if (!range) return;
    ++position_;
    const char32_t last = take();
    if (last == U'\\' || last == U'[' || last < *first) throw unsupported("it has a broken range");
    atom.intervals.back().last = last;
  }

  std::uint32_t parse_number() {
    std::uint32_t number = 0;
    if (peek() < '0' || peek() > '9') throw unsupported("it has a broken repetition");
    while (peek() >= '0' && peek() <= '9') {
      number = number * 10 + static_cast<std::uint32_t>(peek() - '0');
      if (number > kMostRepeats) throw unsupported("it repeats too often");
      ++position_;
    }
    return number;
  }

  void parse_repeats(Pattern::Atom& atom) {
    if (peek() == '+' || peek() == '*' || peek() == '?') {
      const char c = peek();
      ++position_;
      atom.least = c == '+' ? 1 : 0;
      atom.most = c == '?' ? 1 : kUnbounded;
    } else if (peek() == '{') {
      ++position_;
      atom.least = parse_number();
      atom.most = atom.least;
      if (peek() == ',') {
        ++position_;
        atom.most = peek() == '}' ? kUnbounded : parse_number();
      }
      if (take() != U'}' || atom.most < atom.least) throw unsupported("it has a broken repetition");
    }
    if (peek() == '+' || peek() == '*' || peek() == '?' || peek() == '{') {
      throw unsupported("it has a lazy, possessive or double repetition");
    }
  }

  std::string_view expression_;
  std::size_t position_ = 0;
};

Pattern Pattern::literal(std::string_view text) {
  if (text.empty()) {
    throw Error(ErrorCode::kInvalidArgument, "the pattern is empty");
  }
  Pattern pattern;
  pattern.literal_ = text;
  return pattern;
}

Pattern Pattern::regex(std::string_view expression) {
  Pattern pattern;
  pattern.atoms_ = PatternParser(expression).parse();
  return pattern;
}

// The end of the match that begins at `begin`.
std::optional<std::size_t> Pattern::match_at(std::string_view text, std::size_t begin,
                                             Pace& pace) const {
  std::size_t end = begin;
  for (const Atom& atom : atoms_) {
    std::uint32_t count = 0;
    while (count < atom.most && end < text.size()) {
      pace.spend();
      std::size_t next = end;
      if (!atom.contains(next_code_point(text, next))) break;
      end = next;
      ++count;
    }
    if (count < atom.least) return std::nullopt;
  }
  return end;
}

std::optional<PatternMatch> Pattern::find(std::string_view text, std::size_t from,
                                          Pace& pace) const {
  if (atoms_.empty()) {
    const std::size_t begin = text.find(literal_, from);
    pace.spend(std::min(begin, text.size()) - from);
    if (begin == std::string_view::npos) return std::nullopt;
    return PatternMatch{begin, begin + literal_.size()};
  }
  for (std::size_t begin = from; begin < text.size(); begin += utf8_length(text[begin])) {
    if (const auto end = match_at(text, begin, pace)) return PatternMatch{begin, *end};
  }
  return std::nullopt;
}

}  // namespace nestvec
