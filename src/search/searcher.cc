// SPDX-License-Identifier: Apache-2.0
#include "search/searcher.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <utility>

#include "base/utf8.h"
#include "search/document.h"
#include "search/index_update.h"
#include "search/words.h"

namespace nestvec {
namespace {

// How deep each ranking is that is fused.
constexpr std::size_t kLeastDepth = 100;

struct ChunkPlace {
  const IndexedFile* file;
  const IndexedChunk* chunk;
};

ChunkPlace find_chunk(const SearchIndex& index, std::size_t number) {
  for (const IndexedFile& file : index.files) {
    if (number < file.chunks.size()) return {&file, &file.chunks[number]};
    number -= file.chunks.size();
  }
  throw Error(ErrorCode::kInternal, "a chunk is not in the index");
}

// The text of a file as it was when it was indexed, else nothing.
std::optional<std::string> read_indexed(const IndexedFile& file, const std::string& folder) {
  try {
    Document document = read_document(folder + "/" + file.path, file.facts.bytes);
    if (document.facts.digest != file.facts.digest) return std::nullopt;
    return std::move(document.text);
  } catch (const Error&) {
    return std::nullopt;
  }
}

}  // namespace

std::vector<RankedChunk> search_index(const SearchIndex& index, const Model& model,
                                      const SearchQuery& query, const Interrupted& interrupted) {
  const std::size_t depth = std::max(kLeastDepth, query.most);
  std::vector<std::vector<RankedChunk>> rankings;
  if (query.by != SearchBy::kWords && index.chunks() > 0) {
    const std::array<std::string, 1> texts = {query.text};
    const Embeddings row = predict_until(model, texts, query_options(model.info()), interrupted);
    rankings.push_back(rank_by_vectors(index, row.row(0), depth));
  }
  if (query.by != SearchBy::kVectors) {
    Pace pace;
    rankings.push_back(rank_by_words(index, count_words(query.text, pace), depth));
  }
  if (query.by == SearchBy::kBoth) return fuse_rankings(rankings, query.most);
  if (rankings.empty()) return {};
  std::vector<RankedChunk> best = std::move(rankings.front());
  if (best.size() > query.most) best.resize(query.most);
  return best;
}

std::vector<SearchHit> read_hits(const SearchIndex& index, const std::string& folder,
                                 const std::vector<RankedChunk>& ranking) {
  std::map<std::string, std::optional<std::string>> texts;
  std::vector<SearchHit> hits;
  for (const RankedChunk& ranked : ranking) {
    const ChunkPlace place = find_chunk(index, ranked.chunk);
    const auto [entry, is_new] = texts.try_emplace(place.file->path);
    if (is_new) entry->second = read_indexed(*place.file, folder);
    if (!entry->second || place.chunk->end > entry->second->size()) continue;
    const std::size_t bytes = place.chunk->end - place.chunk->begin;
    std::string text = entry->second->substr(place.chunk->begin, bytes);
    // An index that somebody else made may point between the bytes of a character.
    if (!is_valid_utf8(text)) continue;
    hits.push_back({place.file->path, place.chunk->line, ranked.score, std::move(text)});
  }
  return hits;
}

std::vector<SearchHit> rerank_hits(const Model& reranker, const std::string& query,
                                   std::vector<SearchHit> hits, std::size_t most,
                                   const Interrupted& interrupted) {
  if (hits.empty()) return hits;
  std::vector<std::string> texts;
  for (const SearchHit& hit : hits) texts.push_back(hit.text);
  const Scores scores = rerank_until(reranker, query, texts, interrupted);
  for (std::size_t i = 0; i < hits.size(); ++i) {
    hits[i].score = static_cast<double>(scores.values[i]);
  }
  std::stable_sort(hits.begin(), hits.end(),
                   [](const SearchHit& a, const SearchHit& b) { return a.score > b.score; });
  if (hits.size() > most) hits.resize(most);
  return hits;
}

}  // namespace nestvec
