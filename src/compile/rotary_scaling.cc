// SPDX-License-Identifier: Apache-2.0
#include "compile/rotary_scaling.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <optional>
#include <string>
#include <vector>

#include "compile/config_keys.h"

namespace nestvec {
namespace {

double number_or(const JsonValue& rope, std::string_view key, double fallback) {
  const auto value = rope.find(key);
  return value ? value->number() : fallback;
}

double factor_of(const JsonValue& rope, double fallback) {
  const auto value = rope.find("factor");
  const double factor = value ? value->number() : fallback;
  if (factor >= 1.0 && factor <= 65536.0) return factor;
  throw rope.at("factor").error("expected 1 to 65536");
}

// The positions of the training, in either place.
double original_positions(const JsonValue& config, const JsonValue& rope, const ModelSpec& spec) {
  constexpr const char* kKey = "original_max_position_embeddings";
  const auto own = config.find(kKey) ? config.find(kKey) : rope.find(kKey);
  if (!own) return static_cast<double>(spec.max_positions);
  if (!(own->number() >= 1.0)) throw own->error("expected a number of at least 1");
  return own->number();
}

// base^(2i / width), in the fp32 that PyTorch computes it in.
std::vector<float> wave_numbers(const ModelSpec& spec) {
  const std::size_t width = spec.head_width();
  std::vector<float> powers;
  for (std::size_t i = 0; i < width / 2; ++i) {
    const float exponent = static_cast<float>(2 * i) / static_cast<float>(width);
    powers.push_back(static_cast<float>(std::pow(spec.rotary_base, static_cast<double>(exponent))));
  }
  return powers;
}

// YaRN (arXiv:2309.00071): high frequencies stay, low ones are divided by the factor, and between
// them is a ramp.
void scale_by_yarn(const JsonValue& config, const JsonValue& rope, ModelSpec& spec) {
  const double original = original_positions(config, rope, spec);
  const double factor = factor_of(rope, static_cast<double>(spec.max_positions) / original);
  const auto width = static_cast<double>(spec.head_width());
  const auto place_of = [&](double rotations) {
    return width * std::log(original / (rotations * 2 * std::numbers::pi)) /
           (2 * std::log(spec.rotary_base));
  };
  const double fast = number_or(rope, "beta_fast", 0) != 0 ? rope.at("beta_fast").number() : 32;
  const double slow = number_or(rope, "beta_slow", 0) != 0 ? rope.at("beta_slow").number() : 1;
  double low = place_of(fast);
  double high = place_of(slow);
  if (flag_or(rope, "truncate", true)) {
    low = std::floor(low);
    high = std::ceil(high);
  }
  low = std::max(low, 0.0);
  high = std::min(high, width - 1);
  if (low == high) high += 0.001;
  const std::vector<float> powers = wave_numbers(spec);
  for (std::size_t i = 0; i < powers.size(); ++i) {
    const float ramp =
        (static_cast<float>(i) - static_cast<float>(low)) / static_cast<float>(high - low);
    const float kept = 1.0f - std::clamp(ramp, 0.0f, 1.0f);
    const float scaled = 1.0f / (static_cast<float>(factor) * powers[i]);
    spec.rotary_frequencies.push_back(scaled * (1.0f - kept) + 1.0f / powers[i] * kept);
  }
  const auto magnitude = [&](double scale) { return 0.1 * scale * std::log(factor) + 1.0; };
  const double all = number_or(rope, "mscale_all_dim", 0);
  const double own = number_or(rope, "mscale", 0);
  double attention = magnitude(1.0);
  if (own != 0 && all != 0) attention = magnitude(own) / magnitude(all);
  spec.rotary_magnitude = static_cast<float>(number_or(rope, "attention_factor", attention));
}

// Llama 3.1: waves longer than the training's texts are stretched, with a smooth passage.
void scale_as_llama(const JsonValue& config, const JsonValue& rope, ModelSpec& spec) {
  const auto original = static_cast<float>(original_positions(config, rope, spec));
  const auto factor = static_cast<float>(factor_of(rope, 0.0));
  const auto low = static_cast<float>(rope.at("low_freq_factor").number());
  const auto high = static_cast<float>(rope.at("high_freq_factor").number());
  if (low <= 0.0f || high <= low) {
    throw rope.at("high_freq_factor").error("expected more than low_freq_factor, and that over 0");
  }
  for (const float power : wave_numbers(spec)) {
    const float frequency = 1.0f / power;
    const float wave = 2.0f * static_cast<float>(std::numbers::pi) / frequency;
    const float smooth = (original / wave - low) / (high - low);
    float scaled = wave > original / low ? frequency / factor : frequency;
    const bool between = wave >= original / high && wave <= original / low;
    if (between) scaled = (1.0f - smooth) * scaled / factor + smooth * scaled;
    spec.rotary_frequencies.push_back(scaled);
  }
}

// LongRoPE (arXiv:2402.13753): a factor for each frequency, of two lists by the length of the
// longest text of a batch. Where no text is longer than those of the training, one list remains.
void scale_as_longrope(const JsonValue& config, const JsonValue& rope, ModelSpec& spec) {
  const double original = original_positions(config, rope, spec);
  if (static_cast<double>(spec.max_positions) > original) {
    throw unsupported(rope,
                      "rope_type \"longrope\" is not supported where max_position_embeddings is "
                      "over original_max_position_embeddings: vectors would depend on the length "
                      "of the other texts of a batch");
  }
  const std::vector<float> powers = wave_numbers(spec);
  const std::vector<JsonValue> factors = rope.at("short_factor").elements();
  if (factors.size() != powers.size()) {
    throw rope.at("short_factor").error("expected " + std::to_string(powers.size()) + " numbers");
  }
  for (std::size_t i = 0; i < powers.size(); ++i) {
    const auto factor = static_cast<float>(factors[i].number());
    if (!(factor > 0.0f)) throw factors[i].error("expected a number over 0");
    spec.rotary_frequencies.push_back(1.0f / (factor * powers[i]));
  }
  const double factor = factor_of(rope, static_cast<double>(spec.max_positions) / original);
  const double attention =
      factor <= 1.0 ? 1.0 : std::sqrt(1 + std::log(factor) / std::log(original));
  spec.rotary_magnitude = static_cast<float>(number_or(rope, "attention_factor", attention));
}

}  // namespace

void read_rotary_scaling(const JsonValue& config, const JsonValue& rope, ModelSpec& spec) {
  const std::string type = text_or(rope, rope.find("rope_type") ? "rope_type" : "type", "default");
  if (type == "default" || type == "dynamic") return;
  if (type == "linear") {
    spec.rotary_divisor = factor_of(rope, 0.0);
  } else if (type == "yarn") {
    scale_by_yarn(config, rope, spec);
  } else if (type == "llama3") {
    scale_as_llama(config, rope, spec);
  } else if (type == "longrope") {
    scale_as_longrope(config, rope, spec);
  } else {
    throw unsupported(rope, "rope_type \"" + type +
                                "\" is not supported; default, linear, dynamic, yarn, llama3 and "
                                "longrope are");
  }
  const bool usable =
      std::ranges::all_of(spec.rotary_frequencies, [](float f) { return std::isfinite(f); }) &&
      std::isfinite(spec.rotary_magnitude);
  if (!usable) throw rope.error("gives frequencies that are no numbers");
}

}  // namespace nestvec
