// SPDX-License-Identifier: Apache-2.0
#include "service/call_rows.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace nestvec {
namespace {

void append_sparse(const SparseVectors& part, SparseVectors& whole) {
  if (part.starts.empty()) return;
  const std::size_t begin = whole.indices.size();
  if (whole.starts.empty()) whole.starts.push_back(0);
  for (const std::size_t start : std::span(part.starts).subspan(1)) {
    whole.starts.push_back(begin + start);
  }
  whole.indices.insert(whole.indices.end(), part.indices.begin(), part.indices.end());
  whole.weights.insert(whole.weights.end(), part.weights.begin(), part.weights.end());
}

void append_multi(const MultiVectors& part, MultiVectors& whole) {
  if (part.starts.empty()) return;
  const std::size_t begin = whole.starts.empty() ? 0 : whole.starts.back();
  if (whole.starts.empty()) whole.starts.push_back(0);
  for (const std::size_t start : std::span(part.starts).subspan(1)) {
    whole.starts.push_back(begin + start);
  }
  whole.width = part.width;
  whole.values.insert(whole.values.end(), part.values.begin(), part.values.end());
}

}  // namespace

Embeddings join_rows(std::vector<Embeddings> parts) {
  if (parts.size() == 1) return std::move(parts.front());
  Embeddings whole;
  double first = std::numeric_limits<double>::max();
  double last = 0;
  for (const Embeddings& part : parts) {
    for (const std::uint32_t index : part.truncated) {
      whole.truncated.push_back(static_cast<std::uint32_t>(whole.rows) + index);
    }
    whole.rows += part.rows;
    whole.width = part.width;
    whole.values.insert(whole.values.end(), part.values.begin(), part.values.end());
    whole.tokens.insert(whole.tokens.end(), part.tokens.begin(), part.tokens.end());
    append_sparse(part.sparse, whole.sparse);
    append_multi(part.multi, whole.multi);
    whole.timing.tokenize += part.timing.tokenize;
    first = std::min(first, part.timing.queue);
    last = std::max(last, part.timing.queue + part.timing.compute);
  }
  // The parts run side by side: from the first batch of any of them to the last.
  whole.timing.queue = parts.empty() ? 0 : first;
  whole.timing.compute = parts.empty() ? 0 : last - first;
  return whole;
}

Embeddings taken_by(std::span<const CallRows> calls) {
  std::vector<Embeddings> parts;
  for (const CallRows& call : calls) {
    Embeddings part;
    part.rows = call.rows.rows;
    part.width = call.rows.width;
    part.tokens = call.rows.tokens;
    part.truncated = call.rows.truncated;
    part.timing = call.rows.timing;
    parts.push_back(std::move(part));
  }
  return join_rows(std::move(parts));
}

Embeddings without_values(const std::vector<TokenEmbeddings>& texts) {
  Embeddings sum;
  sum.rows = texts.size();
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const TokenEmbeddings& text = texts[i];
    sum.tokens.push_back(static_cast<std::uint32_t>(text.tokens));
    if (text.truncated) sum.truncated.push_back(static_cast<std::uint32_t>(i));
    sum.timing.tokenize += text.timing.tokenize;
    sum.timing.queue = std::max(sum.timing.queue, text.timing.queue);
    sum.timing.compute = std::max(sum.timing.compute, text.timing.compute);
  }
  return sum;
}

Embeddings without_values(const Scores& scores) {
  Embeddings took;
  took.rows = scores.rows;
  took.tokens = scores.tokens;
  took.truncated = scores.truncated;
  took.timing = scores.timing;
  return took;
}

}  // namespace nestvec
