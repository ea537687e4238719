// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/tokenizer.h"

#include <algorithm>
#include <utility>

#include "base/json.h"
#include "base/pace.h"
#include "base/utf8.h"
#include "nestvec/error.h"
#include "tokenizer/component_loader.h"
#include "tokenizer/pipeline.h"
#include "tokenizer/utf8_scan.h"

namespace nestvec {
namespace {

constexpr std::size_t kLongestText = std::size_t{1} << 30;
constexpr std::size_t kKeptScratch = std::size_t{128} << 10;  // text bytes; more is given back

// Frees what a long text took, be it encoded or not.
class GiveBack {
 public:
  GiveBack(EncodeScratch& scratch, std::size_t text_bytes)
      : scratch_(scratch), long_(text_bytes > kKeptScratch) {}
  GiveBack(const GiveBack&) = delete;
  GiveBack& operator=(const GiveBack&) = delete;
  ~GiveBack() {
    if (!long_) return;
    // To assign an empty one would keep the strings' memory.
    EncodeScratch freed = std::move(scratch_);
    scratch_ = EncodeScratch();
    scratch_.model.words = std::move(freed.model.words);  // of a fixed size
  }

 private:
  EncodeScratch& scratch_;
  bool long_;
};

FileTruncation load_truncation(const JsonValue& value) {
  FileTruncation truncation;
  const auto count = [&](std::string_view key) {
    const JsonValue number = value.at(key);
    if (number.integer() < 0) throw number.error("expected a number of 0 or more");
    return static_cast<std::size_t>(number.integer());
  };
  truncation.max_length = count("max_length");
  truncation.stride = count("stride");
  const std::string_view strategy = value.at("strategy").string();
  truncation.only_second = strategy == "OnlySecond";
  if (!truncation.only_second && strategy != "LongestFirst" && strategy != "OnlyFirst") {
    throw value.at("strategy").error("\"" + std::string(strategy) + "\" is not a strategy");
  }
  if (const auto direction = value.find("direction")) {
    truncation.left = direction->string() == "Left";
    if (!truncation.left && direction->string() != "Right") {
      throw direction->error("expected \"Left\" or \"Right\"");
    }
  }
  return truncation;
}

void add_missing(const std::vector<AddedToken>& wanted, std::vector<AddedToken>& tokens) {
  for (const AddedToken& token : wanted) {
    const bool known = std::any_of(tokens.begin(), tokens.end(), [&](const AddedToken& own) {
      return own.content == token.content;
    });
    if (!known) tokens.push_back(token);
  }
}

TokenizerParts load_parts(const JsonValue& root, const NormalizerChanges& changes) {
  TokenizerParts parts;
  if (const auto version = root.find("version"); version && version->string() != "1.0") {
    throw version->error("\"" + std::string(version->string()) + "\" is not supported, only 1.0");
  }
  parts.normalizer = load_changed_normalizer(root.find("normalizer"), changes);
  const JsonValue model = root.at("model");
  const auto pre_tokenizer = root.find("pre_tokenizer");
  const bool as_bytes = pre_tokenizer && gives_bytes(*pre_tokenizer) && takes_bytes(model);
  if (pre_tokenizer) parts.pre_tokenizer = load_pre_tokenizer(*pre_tokenizer, as_bytes);
  parts.model = load_tokenizer_model(model, as_bytes);
  if (const auto value = root.find("added_tokens")) parts.added_tokens = load_added_tokens(*value);
  const std::vector<AddedToken>& restated = changes.restated;
  parts.added_tokens.insert(parts.added_tokens.end(), restated.begin(), restated.end());
  add_missing(changes.tokens, parts.added_tokens);
  parts.split_special = changes.split_special;
  if (const auto value = root.find("post_processor")) {
    parts.post_processor = load_post_processor(*value);
  }
  if (const auto value = root.find("decoder")) parts.decoder = load_decoder(*value);
  if (const auto value = root.find("truncation")) parts.truncation = load_truncation(*value);
  return parts;
}

}  // namespace

void Tokens::clear() {
  ids.clear();
  offsets.clear();
  special.clear();
  type_ids.clear();
  truncated = false;
}

Tokenizer::Tokenizer(std::unique_ptr<const Pipeline> pipeline) : pipeline_(std::move(pipeline)) {}
Tokenizer::Tokenizer(Tokenizer&&) noexcept = default;
Tokenizer& Tokenizer::operator=(Tokenizer&&) noexcept = default;
Tokenizer::~Tokenizer() = default;

Tokenizer Tokenizer::load(const std::string& path, const NormalizerChanges& changes) {
  return from_document(JsonDocument::load(path), changes);
}

Tokenizer Tokenizer::parse(std::string_view json, const std::string& name,
                           const NormalizerChanges& changes) {
  return from_document(JsonDocument::parse(json, name), changes);
}

Tokenizer Tokenizer::from_document(const JsonDocument& document, const NormalizerChanges& changes) {
  const JsonValue root = document.root();
  TokenizerParts parts = load_parts(root, changes);
  return with_context(
      root, [&] { return Tokenizer(std::make_unique<const Pipeline>(std::move(parts))); });
}

void Tokenizer::encode(std::string_view text, const EncodeOptions& options, Tokens& out) const {
  if (text.size() > kLongestText) {
    throw Error(ErrorCode::kInvalidArgument,
                "the text has " + std::to_string(text.size()) +
                    " bytes, at most 1073741824 are tokenized at once; split it");
  }
  static thread_local EncodeScratch scratch;
  const GiveBack give_back(scratch, text.size());
  pipeline_->encode(repair_utf8(text, scratch.repaired), options, scratch, out);
}

Tokens Tokenizer::encode(std::string_view text, const EncodeOptions& options) const {
  Tokens tokens;
  encode(text, options, tokens);
  return tokens;
}

Tokens Tokenizer::join_pair(const Tokens& first, const Tokens& second) const {
  return pipeline_->join_pair(first, second);
}

void Tokenizer::join_pair(std::span<const std::uint32_t> first,
                          std::span<const std::uint32_t> second, Tokens& out) const {
  pipeline_->join_pair(first, second, out);
}

bool Tokenizer::has_pairs() const noexcept { return pipeline_->has_pairs(); }

std::size_t Tokenizer::pair_special_count() const { return pipeline_->pair_layout().size() - 2; }

std::string Tokenizer::decode(std::span<const std::uint32_t> ids, bool skip_special) const {
  Pace pace;
  return decode(ids, skip_special, pace);
}

std::string Tokenizer::decode(std::span<const std::uint32_t> ids, bool skip_special,
                              Pace& pace) const {
  return pipeline_->decode(ids, skip_special, pace);
}

std::size_t Tokenizer::vocabulary_size() const noexcept { return pipeline_->vocabulary_size(); }
bool Tokenizer::truncates_left() const noexcept { return pipeline_->truncates_left(); }

std::optional<std::uint32_t> Tokenizer::token_to_id(std::string_view token) const {
  return pipeline_->token_to_id(token);
}

std::string_view Tokenizer::id_to_token(std::uint32_t id) const {
  return pipeline_->id_to_token(id).value_or(std::string_view());
}

std::size_t Tokenizer::added_special_tokens() const noexcept {
  return pipeline_->added_special_tokens();
}

const TokenTypes& Tokenizer::token_types() const noexcept { return pipeline_->token_types(); }

void to_character_offsets(std::string_view text, std::span<ByteRange> offsets) {
  // Characters before each block: from there the way to any offset is short, be it forward or back.
  constexpr std::size_t kBlock = 64;
  std::vector<std::uint32_t> before = {0};
  for (std::size_t begin = 0; begin + kBlock <= text.size(); begin += kBlock) {
    const std::size_t count = count_code_points(text.substr(begin, kBlock));
    before.push_back(before.back() + static_cast<std::uint32_t>(count));
  }
  const auto to_characters = [&](std::uint32_t target) {
    const std::size_t end = std::min<std::size_t>(target, text.size());
    const std::size_t begin = end / kBlock * kBlock;
    const std::size_t count = count_code_points(text.substr(begin, end - begin));
    return before[end / kBlock] + static_cast<std::uint32_t>(count);
  };
  for (ByteRange& range : offsets) {
    range.begin = to_characters(range.begin);
    range.end = to_characters(range.end);
  }
}

}  // namespace nestvec
