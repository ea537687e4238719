// SPDX-License-Identifier: Apache-2.0
#include "dialects/ranking.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>

#include "nestvec/error.h"

namespace nestvec {

std::vector<std::size_t> ranking_of(std::span<const float> scores, Ties ties) {
  if (!std::ranges::all_of(scores, [](float score) { return std::isfinite(score); })) {
    throw Error(ErrorCode::kInternal, "the model computed a score that is not finite");
  }
  std::vector<std::size_t> places(scores.size());
  std::iota(places.begin(), places.end(), std::size_t{0});
  if (ties == Ties::kLast) std::ranges::reverse(places);
  std::ranges::stable_sort(places, std::ranges::greater{},
                           [scores](std::size_t place) { return scores[place]; });
  return places;
}

ScoreActivation usual_activation(bool raw_scores, const ModelInfo& model) {
  if (raw_scores) return ScoreActivation::kNone;
  return model.labels.size() == 1 ? ScoreActivation::kSigmoid : ScoreActivation::kModel;
}

void append_score_usage(const Embeddings& took, JsonObject& body) {
  const auto tokens = std::accumulate(took.tokens.begin(), took.tokens.end(), std::uint64_t{0});
  JsonObject usage(body.key("usage"));
  usage.count("prompt_tokens", tokens);
  usage.count("total_tokens", tokens);
  usage.end();
  if (took.truncated.empty()) return;
  JsonArray truncated(body.key("truncated"));
  for (const std::uint32_t index : took.truncated) truncated.count(index);
  truncated.end();
}

std::int64_t unix_seconds() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::seconds>(now).count();
}

std::size_t json_size(std::string_view text) {
  std::size_t size = text.size() + 2;
  for (const char c : text) {
    constexpr unsigned char kFirstPrintable = 0x20;
    if (c == '"' || c == '\\') ++size;
    if (static_cast<unsigned char>(c) < kFirstPrintable) size += 5;  // \u001f
  }
  return size;
}

std::size_t json_size(std::span<const std::string> texts) {
  return std::accumulate(
      texts.begin(), texts.end(), std::size_t{0},
      [](std::size_t sum, const std::string& text) { return sum + json_size(text); });
}

}  // namespace nestvec
