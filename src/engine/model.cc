// SPDX-License-Identifier: Apache-2.0
#include "nestvec/model.h"

#include "engine/engine.h"

namespace nestvec {

Model::Model(std::unique_ptr<const Engine> engine) : engine_(std::move(engine)) {}
Model::Model(Model&&) noexcept = default;
Model& Model::operator=(Model&&) noexcept = default;
Model::~Model() = default;

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

TokenEmbeddings Model::tokenize_and_embed(std::string_view text,
                                          const EmbedOptions& options) const {
  return engine_->embed_tokens(text, options);
}

const ModelInfo& Model::info() const noexcept { return engine_->info(); }

}  // namespace nestvec
