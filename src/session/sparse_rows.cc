// SPDX-License-Identifier: Apache-2.0
#include "session/sparse_rows.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

namespace nestvec {
namespace {

// NaN counts: it must not be lost.
bool is_weight(float weight) { return !(weight <= 0.0f); }

void reserve(TokenWeights& row, std::size_t entries) {
  row.indices.reserve(entries);
  row.weights.reserve(entries);
}

}  // namespace

TokenWeights vocabulary_row(std::span<const float> weights) {
  TokenWeights row;
  reserve(row, static_cast<std::size_t>(std::ranges::count_if(weights, is_weight)));
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (!is_weight(weights[i])) continue;
    row.indices.push_back(static_cast<std::uint32_t>(i));
    row.weights.push_back(weights[i]);
  }
  return row;
}

TokenWeights token_row(std::span<const std::uint32_t> ids, std::span<const float> weights,
                       std::span<const std::uint32_t> dropped) {
  std::vector<std::pair<std::uint32_t, float>> entries;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (is_weight(weights[i]) && !std::ranges::binary_search(dropped, ids[i])) {
      entries.emplace_back(ids[i], weights[i]);
    }
  }
  // Of one id the largest weight first, and before it what is no number.
  std::ranges::sort(entries, [](const auto& a, const auto& b) {
    if (a.first != b.first) return a.first < b.first;
    return std::isnan(a.second) ? !std::isnan(b.second) : a.second > b.second;
  });
  const auto same_id = [](const auto& a, const auto& b) { return a.first == b.first; };
  entries.erase(std::unique(entries.begin(), entries.end(), same_id), entries.end());
  TokenWeights row;
  reserve(row, entries.size());
  for (const auto& [id, weight] : entries) {
    row.indices.push_back(id);
    row.weights.push_back(weight);
  }
  return row;
}

void normalise_vectors(std::span<float> rows, std::size_t width) {
  for (std::size_t begin = 0; begin < rows.size(); begin += width) {
    double sum = 0;
    for (const float value : rows.subspan(begin, width)) {
      sum += static_cast<double>(value) * static_cast<double>(value);
    }
    if (sum == 0) continue;
    const double scale = 1.0 / std::sqrt(sum);
    for (float& value : rows.subspan(begin, width)) {
      value = static_cast<float>(static_cast<double>(value) * scale);
    }
  }
}

}  // namespace nestvec
