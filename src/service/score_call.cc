// SPDX-License-Identifier: Apache-2.0
#include "service/score_call.h"

#include <algorithm>

namespace nestvec {
namespace {

std::size_t pair_bytes(const ScoreCall::Pair& pair) {
  return pair.first.size() + (pair.second ? pair.second->size() : 0);
}

}  // namespace

std::size_t text_bytes_at_once(const ScoreCall& call) {
  std::size_t longest = 0;
  for (const std::string& document : call.documents) longest = std::max(longest, document.size());
  for (const ScoreCall::Pair& pair : call.pairs) longest = std::max(longest, pair_bytes(pair));
  return call.query.size() + longest;
}

}  // namespace nestvec
