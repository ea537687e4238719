// SPDX-License-Identifier: Apache-2.0
#include "batch/packed_batch.h"

#include <algorithm>
#include <cassert>

namespace nestvec {

std::size_t PackedBatch::max_length() const noexcept {
  std::size_t longest = 0;
  for (std::size_t i = 0; i < sequences(); ++i) {
    longest = std::max<std::size_t>(longest, offsets[i + 1] - offsets[i]);
  }
  return longest;
}

void PackedBatch::add(const Sequence& sequence) {
  assert(!sequence.ids.empty());
  if (offsets.empty()) offsets.push_back(0);
  const std::uint32_t base = offsets.back();
  if (!sequence.types.empty()) {
    assert(sequence.types.size() == sequence.ids.size());
    types.resize(ids.size());
    types.insert(types.end(), sequence.types.begin(), sequence.types.end());
  } else if (!types.empty()) {
    types.resize(ids.size() + sequence.ids.size());
  }
  ids.insert(ids.end(), sequence.ids.begin(), sequence.ids.end());
  offsets.push_back(static_cast<std::uint32_t>(ids.size()));
  tasks.push_back(sequence.task);
  for (const Span& span : sequence.spans) {
    assert(span.begin <= span.end && span.end <= sequence.ids.size());
    spans.push_back({base + span.begin, base + span.end, span.place});
  }
  const auto add_if_wanted = [base](const Span& span, std::vector<Span>& wanted) {
    if (span.begin < span.end) wanted.push_back({base + span.begin, base + span.end});
  };
  add_if_wanted(sequence.sparse, sparse_spans);
  add_if_wanted(sequence.vectors, vector_spans);
}

void PackedBatch::clear() {
  ids.clear();
  offsets.clear();
  tasks.clear();
  spans.clear();
  types.clear();
  sparse_spans.clear();
  vector_spans.clear();
}

}  // namespace nestvec
