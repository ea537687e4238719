// SPDX-License-Identifier: Apache-2.0
#include "search/ranking.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

namespace nestvec {
namespace {

constexpr double kTermSaturation = 1.2;  // k1
constexpr double kLengthShare = 0.75;    // b
constexpr double kFusionOffset = 60;

bool ranks_before(const RankedChunk& a, const RankedChunk& b) {
  return a.score != b.score ? a.score > b.score : a.chunk < b.chunk;
}

std::vector<RankedChunk> best_of(std::vector<RankedChunk> chunks, std::size_t most) {
  const std::size_t kept = std::min(most, chunks.size());
  std::partial_sort(chunks.begin(), chunks.begin() + static_cast<std::ptrdiff_t>(kept),
                    chunks.end(), ranks_before);
  chunks.resize(kept);
  return chunks;
}

// Sixteen sums, so that the compiler may use wide registers.
float product_of(const float* a, const float* b, std::size_t n) {
  constexpr std::size_t kLanes = 16;
  std::array<float, kLanes> sums{};
  std::size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) sums[lane] += a[i + lane] * b[i + lane];
  }
  float sum = 0;
  for (; i < n; ++i) sum += a[i] * b[i];
  for (const float lane : sums) sum += lane;
  return sum;
}

std::uint32_t count_in(const IndexedChunk& chunk, WordId word) {
  const auto found = std::lower_bound(
      chunk.words.begin(), chunk.words.end(), word,
      [](const WordCount& counted, WordId wanted) { return counted.word < wanted; });
  return found != chunk.words.end() && found->word == word ? found->count : 0;
}

}  // namespace

std::vector<RankedChunk> rank_by_vectors(const SearchIndex& index, std::span<const float> query,
                                         std::size_t most) {
  std::vector<RankedChunk> chunks;
  chunks.reserve(index.chunks());
  for (const IndexedFile& file : index.files) {
    for (std::size_t i = 0; i < file.chunks.size(); ++i) {
      const float* row = file.vectors.data() + i * query.size();
      const double score = static_cast<double>(product_of(row, query.data(), query.size()));
      chunks.push_back({chunks.size(), score});
    }
  }
  return best_of(std::move(chunks), most);
}

std::vector<RankedChunk> rank_by_words(const SearchIndex& index, std::span<const WordCount> query,
                                       std::size_t most) {
  const auto total = static_cast<double>(index.chunks());
  std::vector<double> with_word(query.size(), 0);
  double length = 0;
  for (const IndexedFile& file : index.files) {
    for (const IndexedChunk& chunk : file.chunks) {
      length += static_cast<double>(chunk.length());
      for (std::size_t w = 0; w < query.size(); ++w) {
        with_word[w] += count_in(chunk, query[w].word) > 0 ? 1 : 0;
      }
    }
  }
  const double mean_length = length / total;  // not used where there is none
  std::vector<RankedChunk> chunks;
  std::size_t number = 0;
  for (const IndexedFile& file : index.files) {
    for (const IndexedChunk& chunk : file.chunks) {
      const double relative = static_cast<double>(chunk.length()) / mean_length;
      const double damping = kTermSaturation * (1 - kLengthShare + kLengthShare * relative);
      double score = 0;
      for (std::size_t w = 0; w < query.size(); ++w) {
        const auto count = static_cast<double>(count_in(chunk, query[w].word));
        const double rarity = std::log(1 + (total - with_word[w] + 0.5) / (with_word[w] + 0.5));
        if (count > 0) score += rarity * count * (kTermSaturation + 1) / (count + damping);
      }
      if (score > 0) chunks.push_back({number, score});
      ++number;
    }
  }
  return best_of(std::move(chunks), most);
}

std::vector<RankedChunk> fuse_rankings(std::span<const std::vector<RankedChunk>> rankings,
                                       std::size_t most) {
  std::map<std::size_t, double> scores;
  for (const std::vector<RankedChunk>& ranking : rankings) {
    for (std::size_t i = 0; i < ranking.size(); ++i) {
      scores[ranking[i].chunk] += 1 / (kFusionOffset + static_cast<double>(i + 1));
    }
  }
  std::vector<RankedChunk> chunks;
  for (const auto& [chunk, score] : scores) chunks.push_back({chunk, score});
  return best_of(std::move(chunks), most);
}

}  // namespace nestvec
