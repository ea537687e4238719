// SPDX-License-Identifier: Apache-2.0
#include "session/sparse_rows.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace nestvec {
namespace {

// NaN counts: it must not be lost.
bool is_weight(float weight) { return !(weight <= 0.0f); }

void close_row(SparseVectors& out) {
  if (out.starts.empty()) out.starts.push_back(0);
  out.starts.push_back(out.indices.size());
}

}  // namespace

void add_vocabulary_row(std::span<const float> weights, SparseVectors& out) {
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (!is_weight(weights[i])) continue;
    out.indices.push_back(static_cast<std::uint32_t>(i));
    out.weights.push_back(weights[i]);
  }
  close_row(out);
}

void add_token_row(std::span<const std::uint32_t> ids, std::span<const float> weights,
                   std::span<const std::uint32_t> dropped, SparseVectors& out) {
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
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (i > 0 && entries[i].first == entries[i - 1].first) continue;
    out.indices.push_back(entries[i].first);
    out.weights.push_back(entries[i].second);
  }
  close_row(out);
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
