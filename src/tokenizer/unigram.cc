// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>

#include "nestvec/error.h"
#include "tokenizer/model.h"
#include "tokenizer/utf8_scan.h"

namespace nestvec {
namespace {

constexpr double kUnknownPenalty = 10.0;
constexpr double kUnreached = -std::numeric_limits<double>::infinity();
constexpr double kLargestScore = 1e30;  // keeps sums over any text finite
constexpr std::uint32_t kNoId = DoubleArray::kNoValue;

Error invalid(const std::string& message) { return Error(ErrorCode::kInvalidArgument, message); }

DoubleArray make_trie(const std::vector<VocabularyEntry>& vocabulary) {
  std::vector<DoubleArray::Key> keys;
  keys.reserve(vocabulary.size());
  for (const VocabularyEntry& entry : vocabulary) keys.push_back({entry.text, entry.id});
  return DoubleArray(keys);
}

class Unigram final : public TokenModel {
 public:
  explicit Unigram(const UnigramOptions& options)
      : strings_(options.vocabulary),
        trie_(make_trie(options.vocabulary)),
        unknown_id_(options.unknown_id.value_or(kNoId)) {
    if (options.unknown_id && *options.unknown_id >= options.vocabulary.size()) {
      throw invalid("unk_id " + std::to_string(*options.unknown_id) + " is not in the vocabulary");
    }
    read_scores(options.vocabulary);
    if (options.byte_fallback) find_byte_tokens();
  }

  void tokenize(std::string_view text, const Piece& piece, ModelScratch& scratch,
                TokenSink& sink) const override {
    find_best_path(text, piece, scratch);
    emit_path(text, piece, scratch, sink);
  }

  std::size_t vocabulary_size() const noexcept override { return scores_.size(); }

  std::optional<std::uint32_t> token_to_id(std::string_view token) const override {
    if (token.empty()) return empty_token_id_;
    const std::uint32_t id = trie_.find(token);
    if (id == kNoId) return std::nullopt;
    return id;
  }

  std::optional<std::string_view> id_to_token(std::uint32_t id) const override {
    return strings_.find(id);
  }

 private:
  void read_scores(const std::vector<VocabularyEntry>& vocabulary) {
    double lowest = std::numeric_limits<double>::infinity();
    std::size_t longest = 4;  // an unknown character
    scores_.reserve(vocabulary.size());
    for (const VocabularyEntry& entry : vocabulary) {
      if (!(std::abs(entry.score) <= kLargestScore)) {
        throw invalid("token " + std::to_string(entry.id) + " has a score beyond 1e30");
      }
      scores_.push_back(entry.score);
      lowest = std::min(lowest, entry.score);
      longest = std::max(longest, entry.text.size());
      if (entry.text.empty()) empty_token_id_ = entry.id;
    }
    unknown_score_ = lowest - kUnknownPenalty;
    ring_mask_ = std::bit_ceil(longest + 1) - 1;
  }

  void find_byte_tokens() {
    static constexpr std::string_view kDigits = "0123456789ABCDEF";
    byte_ids_.reserve(256);
    for (std::size_t byte = 0; byte < 256; ++byte) {
      const std::string name = {'<', '0', 'x', kDigits[byte >> 4], kDigits[byte & 15], '>'};
      byte_ids_.push_back(trie_.find(name));
    }
  }

  // Fills scratch.steps: the last step of the best path to each position of the piece. Scores are
  // needed no further ahead than the longest token, so that they live in a ring, which is left as
  // it was found: all unreached.
  void find_best_path(std::string_view text, const Piece& piece, ModelScratch& scratch) const {
    if (scratch.scores.size() <= ring_mask_) scratch.scores.resize(ring_mask_ + 1, kUnreached);
    if (scratch.steps.size() <= piece.end - piece.begin) {
      scratch.steps.resize(piece.end - piece.begin + std::size_t{1});
    }
    const std::size_t mask = ring_mask_;
    double* const ring = scratch.scores.data();
    PathStep* const steps = scratch.steps.data();
    const auto reach = [&](std::size_t from, std::size_t to, std::uint32_t id, double score) {
      if (!(score > ring[to & mask])) return;
      ring[to & mask] = score;
      steps[to - piece.begin] = {id, static_cast<std::uint32_t>(to - from)};
    };
    ring[piece.begin & mask] = 0;
    for (std::size_t from = piece.begin; from < piece.end;) {
      const double here = ring[from & mask];
      ring[from & mask] = kUnreached;
      const std::size_t after_first = from + utf8_length(text[from]);
      bool first_is_known = false;
      DoubleArray::Node node = trie_.root();
      for (std::size_t to = from; to < piece.end && trie_.step(node, text[to]);) {
        ++to;
        const std::uint32_t id = DoubleArray::value(node);
        if (id == kNoId) continue;
        reach(from, to, id, scores_[id] + here);
        first_is_known |= to == after_first;
      }
      if (!first_is_known) {
        if (unknown_id_ == kNoId && unknown_score_ + here > ring[after_first & mask]) {
          std::fill_n(ring, mask + 1, kUnreached);
          throw invalid("the text has a character that is not in the vocabulary, and the tokenizer "
                        "has no unk_id");
        }
        reach(from, after_first, unknown_id_, unknown_score_ + here);
      }
      from = after_first;
    }
    ring[piece.end & mask] = kUnreached;
  }

  void emit_path(std::string_view text, const Piece& piece, ModelScratch& scratch,
                 TokenSink& sink) const {
    scratch.path.clear();
    for (std::size_t left = piece.end - piece.begin; left > 0;) {
      scratch.path.push_back(scratch.steps[left]);
      left -= scratch.path.back().length;
    }
    std::size_t begin = piece.begin;
    for (std::size_t i = scratch.path.size(); i-- > 0;) {
      const PathStep step = scratch.path[i];
      std::size_t end = begin + step.length;
      if (step.id == unknown_id_) {
        for (; i > 0 && scratch.path[i - 1].id == unknown_id_; --i) end += scratch.path[i - 1].length;
        emit_unknown(text, begin, end, sink);
      } else {
        sink.add(step.id, begin, end, text.substr(begin, end - begin));
      }
      begin = end;
    }
  }

  // A run of unknown characters: it may still be a token as a whole (the unknown token itself).
  void emit_unknown(std::string_view text, std::size_t begin, std::size_t end,
                    TokenSink& sink) const {
    const std::string_view run = text.substr(begin, end - begin);
    const std::uint32_t whole = trie_.find(run);
    if (whole != kNoId) {
      sink.add(whole, begin, end, run);
      return;
    }
    const auto byte_id = [&](char byte) { return byte_ids_[static_cast<std::uint8_t>(byte)]; };
    const bool as_bytes =
        !byte_ids_.empty() &&
        std::all_of(run.begin(), run.end(), [&](char byte) { return byte_id(byte) != kNoId; });
    if (as_bytes) {
      for (const char byte : run) sink.add(byte_id(byte), begin, end, {});
      return;
    }
    sink.add(unknown_id_, begin, end, run);
  }

  TokenStrings strings_;
  DoubleArray trie_;
  std::vector<double> scores_;  // indexed by id
  std::vector<std::uint32_t> byte_ids_;  // of <0x00> ... <0xFF>; empty without byte_fallback
  std::optional<std::uint32_t> empty_token_id_;
  std::uint32_t unknown_id_;    // kNoId where there is none
  double unknown_score_ = 0;
  std::size_t ring_mask_ = 0;
};

}  // namespace

ModelPtr make_unigram(const UnigramOptions& options) {
  return std::make_unique<Unigram>(options);
}

}  // namespace nestvec
