// SPDX-License-Identifier: Apache-2.0
#include "dialects/not_done.h"

#include <algorithm>
#include <string>

#include "base/lower.h"
#include "dialects/request_body.h"

namespace nestvec {
namespace {

using Kind = JsonValue::Kind;

bool is_the_text(const JsonValue& value, std::string_view text) {
  return value.kind() == Kind::kString && value.string() == text;
}

bool is_within_limit(const JsonValue& value, const ModelInfo& model) {
  return read_whole(value) >= static_cast<double>(model.max_tokens);
}

// A reranker may read one: see read_instruction.
bool is_of_scores(const JsonValue& value, const ModelInfo& model) {
  return !model.labels.empty() || is_empty(value, model);
}

bool is_float32(const JsonValue& value, const ModelInfo&) { return is_the_text(value, "float32"); }

bool is_little_endian(const JsonValue& value, const ModelInfo&) {
  return is_the_text(value, "little") || is_the_text(value, "native");
}

bool is_text_modality(const JsonValue& value, const ModelInfo&) {
  return is_the_text(value, "text");
}

bool is_one_vector(const JsonValue& value, const ModelInfo&) {
  return is_the_text(value, "sentence_embedding");
}

constexpr std::string_view kTextsOnly = "this model reads texts only";
constexpr std::string_view kDenseOnly =
    "sparse vectors are asked for by \"sparse\" among the formats of POST /v1/embeddings, or by "
    "POST /embed_sparse";
constexpr std::string_view kNoColbert =
    "vectors of tokens are asked for by \"multivector\" among the formats of POST /v1/embeddings, "
    "or "
    "by POST /v1/multi-vector";
constexpr std::string_view kPooling = "the model pools in one way, which a request cannot change";
constexpr std::string_view kOneVector =
    "a text has one vector here; POST /embed_all gives one for each token";
constexpr std::string_view kCut = "texts are cut at the model's own limit only; send shorter texts";
constexpr std::string_view kInstruction =
    "write it in front of each text, or choose one of the model's prompts by its task";

constexpr NotDone kNeverDone[] = {
    {"instruction", kInstruction, is_of_scores},
    {"pooling", kPooling, is_own_pooling},
    {"pooling_mode", kPooling, is_own_pooling},
    {"pooling_strategy", kPooling, is_own_pooling},
    {"pooling_type", kPooling, is_own_pooling},
    {"return_multivector", kNoColbert, is_false},
    {"output_value", kOneVector, is_one_vector},
    {"return_sparse", kDenseOnly, is_false},
    {"sparse", kDenseOnly, is_false},
    {"return_colbert_vecs", kNoColbert, is_false},
    {"return_dense", kDenseOnly, is_true},
    {"max_tokens", kCut, is_within_limit},
    {"max_length", kCut, is_within_limit},
    {"max_seq_length", kCut, is_within_limit},
    {"add_special_tokens", "the model reads texts with their special tokens", is_true},
    {"embed_dtype", "only \"float32\" is supported; for smaller vectors see embedding_type",
     is_float32},
    {"endianness", "only \"little\" is supported", is_little_endian},
    {"modality", kTextsOnly, is_text_modality},
    {"messages", "chats are not supported; send texts", is_empty},
    {"image", kTextsOnly, is_empty},
    {"images", kTextsOnly, is_empty},
    {"image_url", kTextsOnly, is_empty},
    {"audio", kTextsOnly, is_empty},
    {"video", kTextsOnly, is_empty},
};

}  // namespace

void refuse_not_done(const JsonValue& object, const ModelInfo& model,
                     std::span<const NotDone> more) {
  // Each name is looked for among all members; no client sends so many.
  constexpr std::size_t kMostMembers = 1000;
  if (object.size() > kMostMembers) {
    throw RequestError(ErrorCode::kInvalidArgument,
                       (object.path().empty() ? "request body" : object.path()) + ": has " +
                           std::to_string(object.size()) + " members, at most " +
                           std::to_string(kMostMembers) + " are read",
                       object.path());
  }
  const auto refuse = [&](const NotDone& known) {
    const auto value = object.find(known.member);
    if (!value || known.is_harmless(*value, model)) return;
    throw RequestError(ErrorCode::kInvalidArgument, value->path() + ": " + std::string(known.why),
                       value->path());
  };
  for (const NotDone& known : kNeverDone) {
    const bool decided = std::ranges::find(more, known.member, &NotDone::member) != more.end();
    if (!decided) refuse(known);
  }
  std::ranges::for_each(more, refuse);
}

bool is_false(const JsonValue& value, const ModelInfo&) {
  return value.kind() == Kind::kBool && !value.boolean();
}

bool is_true(const JsonValue& value, const ModelInfo&) {
  return value.kind() == Kind::kBool && value.boolean();
}

bool is_empty(const JsonValue& value, const ModelInfo&) {
  if (value.kind() == Kind::kString) return value.string().empty();
  const bool has_size = value.kind() == Kind::kArray || value.kind() == Kind::kObject;
  return has_size && value.size() == 0;
}

bool is_never(const JsonValue&, const ModelInfo&) { return false; }

bool is_model_limit(const JsonValue& value, const ModelInfo& model) {
  const double tokens = read_whole(value);
  return tokens == -1 || tokens >= static_cast<double>(model.max_tokens);
}

// "mean", "MEAN", "mean_pooling"; "last", "last_token".
bool is_own_pooling(const JsonValue& value, const ModelInfo& model) {
  if (value.kind() != Kind::kString) return false;
  if (value.string() == "masked_mean") return true;  // Weaviate's module sends it for any model
  std::string name = ascii_lower(value.string());
  std::erase_if(name, [](char c) { return c == '_' || c == '-'; });
  if (name.empty()) return true;
  constexpr std::string_view kAddition = "pooling";
  if (name.ends_with(kAddition)) name.resize(name.size() - kAddition.size());
  if (name == "last") name = "lasttoken";
  return name == model.pooling;
}

}  // namespace nestvec
