// SPDX-License-Identifier: Apache-2.0
// From a query to the chunks that answer it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "search/index_file.h"
#include "search/ranking.h"
#include "search/stoppable.h"

namespace nestvec {

enum class SearchBy { kBoth, kVectors, kWords };

struct SearchQuery {
  std::string text;  // UTF-8
  SearchBy by = SearchBy::kBoth;
  std::size_t most = 0;
};

// The best chunks, by the ranking that is asked for; by both is their fusion. Blocks. Throws Error
// as predict_until. Precondition: the index is of this model.
std::vector<RankedChunk> search_index(const SearchIndex& index, const Model& model,
                                      const SearchQuery& query, const Interrupted& interrupted);

struct SearchHit {
  std::string path;  // below the folder
  std::uint32_t line = 1;
  double score = 0;
  std::string text;  // of the chunk
};

// Reads the texts. A chunk whose file has changed since, or cannot be read any more, is left out.
// Blocks.
std::vector<SearchHit> read_hits(const SearchIndex& index, const std::string& folder,
                                 const std::vector<RankedChunk>& ranking);

// The best `most` in the order of a reranker's scores. Blocks. Throws Error as rerank_until.
std::vector<SearchHit> rerank_hits(const Model& reranker, const std::string& query,
                                   std::vector<SearchHit> hits, std::size_t most,
                                   const Interrupted& interrupted);

}  // namespace nestvec
