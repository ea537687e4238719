// SPDX-License-Identifier: Apache-2.0
#include "nestvec/model.h"

#include "engine/engine.h"

namespace nestvec {
namespace {

std::vector<std::string> strings_of(std::initializer_list<std::string_view> texts) {
  return {texts.begin(), texts.end()};
}

}  // namespace

Model::Model(std::unique_ptr<const Engine> engine) : engine_(std::move(engine)) {}
Model::Model(Model&&) noexcept = default;
Model& Model::operator=(Model&&) noexcept = default;
Model::~Model() = default;

Embeddings Model::sparse(std::span<const std::string> texts, EmbedOptions options) const {
  options.dense = false;
  options.sparse = true;
  return predict(texts, options);
}

std::vector<float> Model::predict(std::string_view text, const EmbedOptions& options) const {
  const std::string texts[] = {std::string(text)};
  return engine_->embed(texts, {}, options).values;
}

Embeddings Model::predict(std::span<const std::string> texts, const EmbedOptions& options) const {
  return engine_->embed(texts, {}, options);
}

Embeddings Model::predict(std::span<const std::string> texts, std::span<const std::string> tasks,
                          const EmbedOptions& options) const {
  return engine_->embed(texts, tasks, options);
}

Embeddings Model::predict(std::initializer_list<std::string_view> texts,
                          const EmbedOptions& options) const {
  return predict(strings_of(texts), options);
}

Embeddings Model::predict(std::initializer_list<std::string_view> texts,
                          std::initializer_list<std::string_view> tasks,
                          const EmbedOptions& options) const {
  return predict(strings_of(texts), strings_of(tasks), options);
}

TokenEmbeddings Model::tokenize_and_embed(std::string_view text,
                                          const EmbedOptions& options) const {
  return engine_->embed_tokens(text, options);
}

void Model::predict_async(std::span<const std::string> texts, std::span<const std::string> tasks,
                          const EmbedOptions& options, Done done) const {
  engine_->embed_async(texts, tasks, options, std::move(done));
}

void Model::predict_async(std::initializer_list<std::string_view> texts,
                          std::initializer_list<std::string_view> tasks,
                          const EmbedOptions& options, Done done) const {
  predict_async(strings_of(texts), strings_of(tasks), options, std::move(done));
}

void Model::tokenize_and_embed_async(std::string_view text, const EmbedOptions& options,
                                     TokensDone done) const {
  engine_->embed_tokens_async(text, options, std::move(done));
}

Scores Model::rerank(std::string_view query, std::span<const std::string> documents,
                     const ScoreOptions& options) const {
  return engine_->rerank(query, documents, options);
}

Scores Model::classify(std::span<const TextPair> pairs, const ScoreOptions& options) const {
  return engine_->classify(pairs, options);
}

void Model::rerank_async(std::string_view query, std::span<const std::string> documents,
                         const ScoreOptions& options, ScoresDone done) const {
  engine_->rerank_async(query, documents, options, std::move(done));
}

void Model::classify_async(std::span<const TextPair> pairs, const ScoreOptions& options,
                           ScoresDone done) const {
  engine_->classify_async(pairs, options, std::move(done));
}

TokenizedText Model::tokenize(std::string_view text, bool add_special, bool parse_special) const {
  return tokenize(text, {.add_special = add_special, .parse_special = parse_special});
}

TokenizedText Model::tokenize(std::string_view text, const TokenizeOptions& options) const {
  Pace pace(RunControl{options.stop, options.deadline});
  EncodeOptions encode;
  encode.add_special = options.add_special;
  encode.parse_special = options.parse_special;
  encode.pace = &pace;
  Tokens tokens = engine_->tokenizer().encode(text, encode);
  TokenizedText out;
  out.ids = std::move(tokens.ids);
  out.special = std::move(tokens.special);
  out.offsets.reserve(tokens.offsets.size());
  for (const ByteRange& range : tokens.offsets) out.offsets.emplace_back(range.begin, range.end);
  return out;
}

std::string Model::decode(std::span<const std::uint32_t> ids, bool skip_special) const {
  return decode(ids, DecodeOptions{.skip_special = skip_special});
}

std::string Model::decode(std::span<const std::uint32_t> ids, const DecodeOptions& options) const {
  Pace pace(RunControl{options.stop, options.deadline});
  return engine_->tokenizer().decode(ids, options.skip_special, pace);
}

std::string_view Model::token(std::uint32_t id) const {
  return engine_->tokenizer().id_to_token(id);
}

void Model::shut_down() const { engine_->scheduler().shut_down(); }

QueueStatus Model::queue(std::uint64_t client) const { return engine_->scheduler().status(client); }

CacheStatus Model::cache() const { return engine_->cache_status(); }

void Model::observe_batches(BatchObserver observer) const {
  engine_->scheduler().observe(std::move(observer));
}

const ModelInfo& Model::info() const noexcept { return engine_->info(); }

}  // namespace nestvec
