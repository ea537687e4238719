// SPDX-License-Identifier: Apache-2.0
#include "cli/ranking.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "nestvec/error.h"

namespace nestvec {
namespace {

bool is_better(const RankedDocument& a, const RankedDocument& b) {
  return a.score != b.score ? a.score > b.score : a.index < b.index;
}

}  // namespace

void Ranking::add(RankedDocument document) {
  if (std::isnan(document.score)) {
    throw Error(ErrorCode::kInternal, "the score of document " + std::to_string(document.index) +
                                          " is not a number; are the model's weights sound?");
  }
  if (most_ == 0) {
    kept_.push_back(std::move(document));
    return;
  }
  if (kept_.size() == most_) {
    if (!is_better(document, kept_.front())) return;
    std::pop_heap(kept_.begin(), kept_.end(), is_better);
    kept_.pop_back();
  }
  kept_.push_back(std::move(document));
  std::push_heap(kept_.begin(), kept_.end(), is_better);
}

std::vector<RankedDocument> Ranking::take() {
  std::sort(kept_.begin(), kept_.end(), is_better);
  return std::exchange(kept_, {});
}

}  // namespace nestvec
