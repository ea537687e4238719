// SPDX-License-Identifier: Apache-2.0
#include "base/ids.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "base/random_word.h"

namespace nestvec {
namespace {

// SplitMix64's output function (Steele, Lea and Flood, 2014): one to one, so that different numbers
// stay different, and neighbours have nothing in common.
std::uint64_t scatter(std::uint64_t number) {
  number *= 0x9E3779B97F4A7C15;
  number = (number ^ (number >> 30)) * 0xBF58476D1CE4E5B9;
  number = (number ^ (number >> 27)) * 0x94D049BB133111EB;
  return number ^ (number >> 31);
}

std::string digits(std::uint64_t word) {
  constexpr std::size_t kDigits = 16;
  std::array<char, kDigits + 1> text{};
  std::snprintf(text.data(), text.size(), "%016llx", static_cast<unsigned long long>(word));
  return text.data();
}

}  // namespace

IdMaker::IdMaker() : first_seed_(random_word()), second_seed_(random_word()) {}

std::string IdMaker::next() {
  const std::uint64_t number = ++made_;
  return digits(scatter(first_seed_ + number)) + digits(scatter(second_seed_ ^ number));
}

std::string IdMaker::next_short() {
  std::uint64_t word = 0;
  while (word == 0) word = scatter(first_seed_ + ++made_);
  return digits(word);
}

bool is_sane_id(std::string_view id) {
  constexpr std::size_t kMaxId = 128;
  return !id.empty() && id.size() <= kMaxId &&
         std::ranges::all_of(id, [](char c) { return c > ' ' && c < 0x7f; });
}

}  // namespace nestvec
