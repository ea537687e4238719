// SPDX-License-Identifier: Apache-2.0
#include "weights/module_pattern.h"

#include <cstddef>

namespace nestvec {
namespace {

bool is_name_character(char c) {
  const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  return letter || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

}  // namespace

std::optional<ModulePattern> ModulePattern::parse(std::string_view text) {
  ModulePattern pattern;
  pattern.anchored_ = text.starts_with('^');
  if (pattern.anchored_) text.remove_prefix(1);
  if (text.empty()) return std::nullopt;
  while (!text.empty()) {
    std::size_t length = 1;
    if (is_name_character(text[0])) {
      pattern.steps_.push_back({Kind::kCharacter, text[0]});
    } else if (text.starts_with("\\.")) {
      pattern.steps_.push_back({Kind::kCharacter, '.'});
      length = 2;
    } else if (text.starts_with(".*")) {
      pattern.steps_.push_back({Kind::kAnyCharacters, '\0'});
      length = 2;
    } else if (text[0] == '.') {
      pattern.steps_.push_back({Kind::kAnyCharacter, '\0'});
    } else {
      return std::nullopt;
    }
    text.remove_prefix(length);
  }
  return pattern;
}

bool ModulePattern::matches(std::string_view module) const {
  if (matches_all(module)) return true;
  if (anchored_) return false;
  // A leading ".*" takes whatever stands before, so that one attempt was enough.
  if (steps_.front().kind == Kind::kAnyCharacters) return false;
  for (std::size_t dot = module.find('.'); dot != std::string_view::npos;
       dot = module.find('.', dot + 1)) {
    if (matches_all(module.substr(dot + 1))) return true;
  }
  return false;
}

// Where characters differ, the last ".*" takes one more.
bool ModulePattern::matches_all(std::string_view text) const {
  std::size_t step = 0;
  std::size_t at = 0;
  std::size_t star = steps_.size();  // the last ".*" that was passed
  std::size_t star_at = 0;           // where what stands behind it was tried last
  while (at < text.size()) {
    const bool more = step < steps_.size();
    if (more && steps_[step].kind == Kind::kAnyCharacters) {
      star = step++;
      star_at = at;
    } else if (more &&
               (steps_[step].kind == Kind::kAnyCharacter || steps_[step].character == text[at])) {
      ++step;
      ++at;
    } else if (star < steps_.size()) {
      step = star + 1;
      at = ++star_at;
    } else {
      return false;
    }
  }
  while (step < steps_.size() && steps_[step].kind == Kind::kAnyCharacters) ++step;
  return step == steps_.size();
}

}  // namespace nestvec
