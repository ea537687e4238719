// SPDX-License-Identifier: Apache-2.0
// Chunks in the order of how well they fit a query: by vectors, by words, by both.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "search/index_file.h"

namespace nestvec {

struct RankedChunk {
  std::size_t chunk = 0;  // counted through all files of an index
  double score = 0;
  bool operator==(const RankedChunk&) const = default;
};

// All three: the best first, equal scores in the order of the chunks, at most `most`.

// By the dot product with `query`, of every chunk. Precondition: query.size() is the index's
// dimensions.
std::vector<RankedChunk> rank_by_vectors(const SearchIndex& index, std::span<const float> query,
                                         std::size_t most);

// By BM25 (Robertson and Zaragoza, 2009) with k1 = 1.2 and b = 0.75, and with the logarithm of
// 1 + (N - n + 0.5) / (n + 0.5), which is never negative. Chunks with none of the words are left
// out. A word counts once, however often the query has it.
std::vector<RankedChunk> rank_by_words(const SearchIndex& index, std::span<const WordCount> query,
                                       std::size_t most);

// Reciprocal rank fusion (Cormack, Clarke, Buettcher, 2009): the sum of 1 / (60 + rank), with ranks
// from 1, over the rankings that have the chunk.
std::vector<RankedChunk> fuse_rankings(std::span<const std::vector<RankedChunk>> rankings,
                                       std::size_t most);

}  // namespace nestvec
