// SPDX-License-Identifier: Apache-2.0
#include "cli/vector_text.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

namespace nestvec {

std::string number_text(const char* pattern, double value) {
  std::array<char, 48> buffer{};
  std::snprintf(buffer.data(), buffer.size(), pattern, value);
  return buffer.data();
}

double dot(std::span<const float> a, std::span<const float> b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  }
  return sum;
}

std::string vector_text(std::span<const float> row) {
  constexpr std::size_t kShown = 3;
  std::string text = "[";
  for (std::size_t i = 0; i < std::min(kShown, row.size()); ++i) {
    text += number_text(" %+.4f", static_cast<double>(row[i]));
  }
  return text + " ... ]  norm " + number_text("%.4f", std::sqrt(dot(row, row)));
}

}  // namespace nestvec
