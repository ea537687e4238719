// SPDX-License-Identifier: Apache-2.0
#include "compile/config_keys.h"

#include <algorithm>
#include <optional>

namespace nestvec {

Error unsupported(const JsonValue& where, const std::string& what) {
  return Error(ErrorCode::kUnimplemented, where.error(what).what());
}

bool is_one_of(std::string_view text, std::initializer_list<std::string_view> choices) {
  return std::find(choices.begin(), choices.end(), text) != choices.end();
}

std::string text_or(const JsonValue& config, std::string_view key, std::string_view fallback) {
  const auto value = config.find(key);
  return std::string(value ? value->string() : fallback);
}

bool flag_or(const JsonValue& config, std::string_view key, bool fallback) {
  const auto value = config.find(key);
  return value ? value->boolean() : fallback;
}

std::int64_t integer_of(const JsonValue& value) {
  const std::optional<std::int64_t> number = value.whole_number();
  return number ? *number : value.integer();  // which throws
}

std::size_t checked_size(const JsonValue& value, std::int64_t limit) {
  const std::int64_t number = integer_of(value);
  if (number < 1 || number > limit) {
    throw value.error("expected 1 to " + std::to_string(limit) + ", found " +
                      std::to_string(number));
  }
  return static_cast<std::size_t>(number);
}

std::size_t size_or(const JsonValue& config, std::string_view key, std::int64_t limit,
                    std::size_t fallback) {
  const auto value = config.find(key);
  return value ? checked_size(*value, limit) : fallback;
}

float checked_epsilon(const JsonValue& value) {
  const auto epsilon = static_cast<float>(value.number());
  const bool fits = epsilon > 0.0f && epsilon < 1.0f;
  if (!fits) throw value.error("expected a number between 0 and 1");
  return epsilon;
}

std::string first_architecture(const JsonValue& config) {
  const auto list = config.find("architectures");
  if (!list || list->size() == 0) return "";
  return std::string(list->elements()[0].string());
}

bool is_kind(const JsonValue& config, std::string_view type, std::string_view architecture) {
  const std::string stated = text_or(config, "model_type", "");
  return stated.empty() ? first_architecture(config).starts_with(architecture) : stated == type;
}

void check_rotary_heads(const JsonValue& config, const ModelSpec& spec) {
  constexpr std::size_t kWidest = 256;
  if (spec.block.head_width == 0 && spec.hidden % spec.heads != 0) {
    throw config.at("num_attention_heads")
        .error(std::to_string(spec.heads) + " heads do not divide hidden_size " +
               std::to_string(spec.hidden));
  }
  if (spec.head_width() % 2 == 0 && spec.head_width() <= kWidest) return;
  throw unsupported(config, "heads of width " + std::to_string(spec.head_width()) +
                                " are not supported; even ones up to " + std::to_string(kWidest) +
                                " are");
}

Activation activation_of(const JsonValue& config, std::string_view key, std::string_view fallback) {
  const std::string name = text_or(config, key, fallback);
  if (is_one_of(name, {"gelu", "gelu_python"})) return Activation::kGelu;
  if (is_one_of(name, {"gelu_new", "gelu_fast", "gelu_pytorch_tanh", "gelu_python_tanh"})) {
    return Activation::kGeluTanh;
  }
  if (name == "relu") return Activation::kRelu;
  if (is_one_of(name, {"silu", "swish"})) return Activation::kSilu;
  throw unsupported(config.at(key), "\"" + name +
                                        "\" is not supported; gelu, gelu_new, gelu_fast, "
                                        "gelu_pytorch_tanh, relu and silu are");
}

}  // namespace nestvec
