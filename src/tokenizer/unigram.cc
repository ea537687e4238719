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

  void tokenize(std::string_view text, const Piece& piece, ModelScratch& scratch, TokenSink& sink,
                Pace& pace) const override {
    try {
      find_best_path(text, piece, scratch, pace);
    } catch (...) {
      std::fill(scratch.scores.begin(), scratch.scores.end(), kUnreached);
      throw;
    }
    emit_path(text, piece, scratch, sink, pace);
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

  // How far the vocabulary knows what starts at one character.
  struct Walk {
    std::uint32_t begin;
    std::uint32_t after_first;   // behind its first character
    std::uint32_t after_second;  // behind its second one, where there is one
    DoubleArray::Node first;     // where the first character leads
    DoubleArray::Node second;    // where both lead
  };
  static constexpr std::size_t kWalks = 64;

  // Where `node` leads over the character at `begin`; a dead end where it does not.
  DoubleArray::Node over_character(std::string_view text, std::size_t begin, std::uint32_t length,
                                   DoubleArray::Node node) const {
    for (std::uint32_t i = 0; i < length; ++i) node = trie_.step_or_dead(node, text[begin + i]);
    return node;
  }

  // Starts the walks from the next characters, kWalks at most, and returns their number. They wait
  // for memory all at once, without a branch between them; one by one they would wait in a row.
  std::size_t start_walks(std::string_view text, std::size_t begin, std::size_t end,
                          std::array<Walk, kWalks>& walks) const {
    std::size_t count = 0;
    for (; begin < end && count < kWalks; ++count) {
      const std::uint32_t length = utf8_length(text[begin]);
      Walk& walk = walks[count];
      walk.begin = static_cast<std::uint32_t>(begin);
      walk.first = over_character(text, begin, length, trie_.root());
      begin += length;
      walk.after_first = static_cast<std::uint32_t>(begin);
    }
    for (std::size_t i = 0; i < count; ++i) {
      Walk& walk = walks[i];
      const std::uint32_t length = walk.after_first < end ? utf8_length(text[walk.after_first]) : 0;
      walk.second = length == 0 ? DoubleArray::dead_end()
                                : over_character(text, walk.after_first, length, walk.first);
      walk.after_second = walk.after_first + length;
      prefetch_score(walk.first);
      prefetch_score(walk.second);
    }
    return count;
  }

  void prefetch_score(DoubleArray::Node node) const {
    const std::uint32_t id = DoubleArray::value(node);
    __builtin_prefetch(scores_.data() + (id == kNoId ? 0 : id));
  }

  // Fills scratch.steps: the last step of the best path to each position of the piece. Scores are
  // needed no further ahead than the longest token, so that they live in a ring, which is left as
  // it was found: all unreached.
  void find_best_path(std::string_view text, const Piece& piece, ModelScratch& scratch,
                      Pace& pace) const {
    if (scratch.scores.size() <= ring_mask_) scratch.scores.resize(ring_mask_ + 1, kUnreached);
    if (scratch.steps.size() <= piece.end - piece.begin) {
      scratch.steps.resize(piece.end - piece.begin + std::size_t{1});
    }
    PathStep* const steps = scratch.steps.data() - piece.begin;
    scratch.scores[piece.begin & ring_mask_] = 0;
    std::array<Walk, kWalks> walks;
    for (std::size_t begin = piece.begin; begin < piece.end;) {
      const std::size_t count = start_walks(text, begin, piece.end, walks);
      pace.spend(count);
      for (std::size_t i = 0; i < count; ++i) {
        finish_walk(text.substr(0, piece.end), walks[i], scratch.scores, steps);
      }
      begin = walks[count - 1].after_first;
    }
    scratch.scores[piece.end & ring_mask_] = kUnreached;
  }

  // Offers all tokens that start where `walk` does.
  void finish_walk(std::string_view text, const Walk& walk, std::vector<double>& scores,
                   PathStep* steps) const {
    double* const ring = scores.data();
    const std::size_t mask = ring_mask_;
    const double here = ring[walk.begin & mask];
    ring[walk.begin & mask] = kUnreached;
    const auto reach = [&](std::size_t to, std::uint32_t id, double score) {
      if (!(score > ring[to & mask])) return;
      ring[to & mask] = score;
      steps[to] = {id, static_cast<std::uint32_t>(to - walk.begin)};
    };
    const std::uint32_t first = DoubleArray::value(walk.first);
    if (first != kNoId) reach(walk.after_first, first, scores_[first] + here);
    DoubleArray::Node node = walk.second;
    for (std::size_t to = walk.after_second; !DoubleArray::is_dead(node); ++to) {
      const std::uint32_t id = DoubleArray::value(node);
      if (id != kNoId) reach(to, id, scores_[id] + here);
      if (to == text.size() || !trie_.step(node, text[to])) break;
    }
    if (first != kNoId) return;
    const double score = unknown_score_ + here;
    if (unknown_id_ == kNoId && score > ring[walk.after_first & mask]) {
      throw invalid(
          "the text has a character that is not in the vocabulary, and the tokenizer has "
          "no unk_id");
    }
    reach(walk.after_first, unknown_id_, score);
  }

  void emit_path(std::string_view text, const Piece& piece, ModelScratch& scratch, TokenSink& sink,
                 Pace& pace) const {
    scratch.path.clear();
    for (std::size_t left = piece.end - piece.begin; left > 0;) {
      pace.spend();
      scratch.path.push_back(scratch.steps[left]);
      left -= scratch.path.back().length;
    }
    std::size_t begin = piece.begin;
    for (std::size_t i = scratch.path.size(); i-- > 0;) {
      const PathStep step = scratch.path[i];
      std::size_t end = begin + step.length;
      if (step.id == unknown_id_) {
        for (; i > 0 && scratch.path[i - 1].id == unknown_id_; --i)
          end += scratch.path[i - 1].length;
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
    const bool as_bytes = !byte_ids_.empty() && std::all_of(run.begin(), run.end(), [&](char byte) {
      return byte_id(byte) != kNoId;
    });
    if (as_bytes) {
      for (const char byte : run) sink.add(byte_id(byte), begin, end, {});
      return;
    }
    sink.add(unknown_id_, begin, end, run);
  }

  TokenStrings strings_;
  DoubleArray trie_;
  std::vector<double> scores_;           // indexed by id
  std::vector<std::uint32_t> byte_ids_;  // of <0x00> ... <0xFF>; empty without byte_fallback
  std::optional<std::uint32_t> empty_token_id_;
  std::uint32_t unknown_id_;  // kNoId where there is none
  double unknown_score_ = 0;
  std::size_t ring_mask_ = 0;
};

}  // namespace

ModelPtr make_unigram(const UnigramOptions& options) { return std::make_unique<Unigram>(options); }

}  // namespace nestvec
