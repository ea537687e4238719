// SPDX-License-Identifier: Apache-2.0
// The keys of PEFT's rank_pattern and alpha_pattern.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace nestvec {

// The end of a module's name that begins where one of its parts does, or behind "^" the whole name.
// PEFT takes a regular expression; of those "." (any character), ".*" and "\." are known here.
class ModulePattern {
 public:
  // Nullopt for another regular expression, and for none.
  static std::optional<ModulePattern> parse(std::string_view text);

  // `module` as PEFT names it, without "base_model.model.". Takes time by the product of the two
  // lengths.
  bool matches(std::string_view module) const;

 private:
  enum class Kind : std::uint8_t { kCharacter, kAnyCharacter, kAnyCharacters };
  struct Step {
    Kind kind;
    char character;
  };

  bool matches_all(std::string_view text) const;

  std::vector<Step> steps_;
  bool anchored_ = false;
};

}  // namespace nestvec
