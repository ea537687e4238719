// SPDX-License-Identifier: Apache-2.0
#include "compile/manifest_head.h"

#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/json_writer.h"
#include "nestvec/error.h"

namespace nestvec {
namespace {

// What is not as in BERT's head: older manifests do not have the rest.
void write_classifier(const HeadSpec::Classifier& head, std::string& out) {
  JsonObject object(out, "        ");
  object.integer("activation", static_cast<std::int64_t>(head.activation));
  object.count("outputs", head.outputs);
  if (head.pooling != HeadPooling::kFirst) {
    object.integer("pooling", static_cast<std::int64_t>(head.pooling));
  }
  if (!head.dense) object.boolean("dense", false);
  if (!head.dense_bias) object.boolean("dense_bias", false);
  if (head.norm) object.boolean("norm", true);
  if (!head.outputs_bias) object.boolean("outputs_bias", false);
  if (!head.tokens.empty()) object.counts("tokens", counts_of(head.tokens));
  if (head.tied) object.boolean("tied", true);
  object.end();
}

HeadSpec::Vocabulary read_vocabulary(const JsonValue& object) {
  HeadSpec::Vocabulary head;
  head.activation =
      activation_at(object, {Activation::kGelu, Activation::kGeluTanh, Activation::kRelu});
  head.pooling = choice_at(object, "pooling", VocabularyPooling::kSum);
  head.scale = choice_at(object, "scale", VocabularyScale::kLogTwice);
  head.tied = object.at("tied").boolean();
  return head;
}

HeadSpec::Classifier read_classifier(const JsonValue& object) {
  HeadSpec::Classifier head;
  head.activation =
      activation_at(object, {Activation::kGelu, Activation::kGeluTanh, Activation::kRelu,
                             Activation::kNone, Activation::kTanh, Activation::kSilu});
  head.outputs = size_at(object, "outputs");
  if (head.outputs == 0) throw object.at("outputs").error("expected at least 1");
  if (object.find("pooling")) head.pooling = choice_at(object, "pooling", HeadPooling::kLate);
  const auto flag = [&](std::string_view key, bool usual) {
    const auto value = object.find(key);
    return value ? value->boolean() : usual;
  };
  head.dense = flag("dense", true);
  head.dense_bias = flag("dense_bias", true);
  head.norm = flag("norm", false);
  head.outputs_bias = flag("outputs_bias", true);
  head.tied = flag("tied", false);
  if (const auto tokens = object.find("tokens")) {
    for (const JsonValue& token : tokens->elements()) {
      head.tokens.push_back(number_at_most(token, 1 << 28, "a token"));
    }
  }
  return head;
}

}  // namespace

std::vector<std::size_t> counts_of(const std::vector<std::uint32_t>& numbers) {
  return {numbers.begin(), numbers.end()};
}

std::uint32_t number_at_most(const JsonValue& value, std::int64_t most, const char* what) {
  const std::int64_t number = value.integer();
  if (number < 0 || number > most) throw value.error(std::string("expected ") + what);
  return static_cast<std::uint32_t>(number);
}

std::size_t size_at(const JsonValue& object, std::string_view key) {
  const std::int64_t value = object.at(key).integer();
  if (value < 0) throw object.at(key).error("expected at least 0");
  return static_cast<std::size_t>(value);
}

Activation activation_at(const JsonValue& object, std::initializer_list<Activation> allowed) {
  const JsonValue value = object.at("activation");
  const std::int64_t number = value.integer();
  for (const Activation activation : allowed) {
    if (number == static_cast<std::int64_t>(activation)) return activation;
  }
  throw value.error("is not an activation of this layer");
}

void write_head(const HeadSpec& head, std::string& out) {
  JsonObject object(out, "      ");
  if (head.classifier) {
    write_classifier(*head.classifier, object.key("classifier"));
  }
  if (head.token_weights) {
    object.boolean("token_weights", true);
    object.count("token_vectors", head.token_vectors);
  }
  if (head.vocabulary) {
    JsonObject vocabulary(object.key("vocabulary"), "        ");
    vocabulary.integer("activation", static_cast<std::int64_t>(head.vocabulary->activation));
    vocabulary.integer("pooling", static_cast<std::int64_t>(head.vocabulary->pooling));
    vocabulary.integer("scale", static_cast<std::int64_t>(head.vocabulary->scale));
    vocabulary.boolean("tied", head.vocabulary->tied);
    vocabulary.end();
  }
  object.end();
}

HeadSpec read_head(const JsonValue& object) {
  HeadSpec head;
  const auto found = object.find("head");
  if (!found) return head;
  if (const auto classifier = found->find("classifier")) {
    head.classifier = read_classifier(*classifier);
  }
  if (const auto weights = found->find("token_weights")) {
    constexpr std::size_t kMostNumbers = 1 << 16;
    head.token_weights = weights->boolean();
    head.token_vectors = size_at(*found, "token_vectors");
    if (!head.token_weights || head.token_vectors == 0 || head.token_vectors > kMostNumbers) {
      throw found->at("token_vectors")
          .error("expected 1 to " + std::to_string(kMostNumbers) + ", beside token_weights true");
    }
  }
  if (const auto vocabulary = found->find("vocabulary")) {
    head.vocabulary = read_vocabulary(*vocabulary);
  }
  return head;
}

}  // namespace nestvec
