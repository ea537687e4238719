// SPDX-License-Identifier: Apache-2.0
#include "engine/pooling.h"

#include <algorithm>
#include <array>
#include <utility>

namespace nestvec {
namespace {

constexpr std::array<std::pair<Pooling, std::string_view>, 6> kPoolings = {
    {{Pooling::kMean, "mean"},
     {Pooling::kCls, "cls"},
     {Pooling::kLast, "lasttoken"},
     {Pooling::kMax, "max"},
     {Pooling::kMeanSqrtLength, "mean_sqrt_len_tokens"},
     {Pooling::kWeightedMean, "weightedmean"}}};

}  // namespace

std::string_view pooling_name(Pooling pooling) {
  const auto found =
      std::ranges::find(kPoolings, pooling, [](const auto& one) { return one.first; });
  return found->second;
}

std::optional<Pooling> find_pooling(std::string_view name) {
  const auto found = std::ranges::find(kPoolings, name, [](const auto& one) { return one.second; });
  if (found == kPoolings.end()) return std::nullopt;
  return found->first;
}

std::string pooling_names() {
  std::string names;
  for (const auto& [pooling, name] : kPoolings) {
    if (!names.empty()) names += pooling == kPoolings.back().first ? " and " : ", ";
    names += name;
  }
  return names;
}

PoolKind pool_kind(Pooling pooling) {
  if (pooling == Pooling::kMax) return PoolKind::kMax;
  if (pooling == Pooling::kMeanSqrtLength) return PoolKind::kMeanSqrtLength;
  return pooling == Pooling::kWeightedMean ? PoolKind::kWeightedMean : PoolKind::kMean;
}

}  // namespace nestvec
