// SPDX-License-Identifier: Apache-2.0
#include "service/call_ids.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <random>

namespace nestvec {
namespace {

std::uint64_t random_number() {
  std::random_device device;
  return (std::uint64_t{device()} << 32) | device();
}

}  // namespace

CallIds::CallIds() : process_(random_number()), last_(random_number()) {}

std::string CallIds::next() {
  constexpr int kDigits = 16;
  std::array<char, 2 * kDigits + 1> text{};
  std::snprintf(text.data(), text.size(), "%016llx%016llx",
                static_cast<unsigned long long>(process_),
                static_cast<unsigned long long>(++last_));
  return text.data();
}

bool is_sane_id(std::string_view id) {
  constexpr std::size_t kMaxId = 128;
  return !id.empty() && id.size() <= kMaxId &&
         std::ranges::all_of(id, [](char c) { return c > ' ' && c < 0x7f; });
}

}  // namespace nestvec
