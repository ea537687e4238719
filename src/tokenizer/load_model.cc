// SPDX-License-Identifier: Apache-2.0
// Loading of models with their vocabularies.
#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>

#include "tokenizer/component_loader.h"

namespace nestvec {
namespace {

// A score as the reference has it; false for what is no number.
bool read_score(simdjson::dom::element element, double& score) {
  if (element.get(score) != simdjson::SUCCESS) return false;
  if (element.is_double()) score = score_as_reference_reads(score);
  return true;
}

ModelPtr load_unigram(const JsonValue& value) {
  UnigramOptions options;
  const JsonValue vocabulary = value.at("vocab");
  options.vocabulary.reserve(vocabulary.size());
  vocabulary.for_each_element([&](simdjson::dom::element element) {
    VocabularyEntry entry{{}, static_cast<std::uint32_t>(options.vocabulary.size()), 0};
    simdjson::dom::array pair;
    const bool ok = element.get(pair) == simdjson::SUCCESS && pair.size() == 2 &&
                    pair.at(0).get(entry.text) == simdjson::SUCCESS &&
                    read_score(pair.at(1).value(), entry.score);
    if (!ok) {
      throw vocabulary.error("entry " + std::to_string(entry.id) + ": expected [token, score]");
    }
    options.vocabulary.push_back(entry);
  });
  if (const auto unknown = value.find("unk_id")) options.unknown_id = load_id(*unknown);
  options.byte_fallback = boolean_or(value, "byte_fallback", false);
  return with_context(value, [&] { return make_unigram(options); });
}

ModelPtr load_wordpiece(const JsonValue& value) {
  WordPieceOptions options;
  const JsonValue vocabulary = value.at("vocab");
  options.vocabulary.reserve(vocabulary.size());
  vocabulary.for_each_member([&](std::string_view text, simdjson::dom::element element) {
    std::uint64_t id = 0;
    if (element.get(id) != simdjson::SUCCESS || id > std::numeric_limits<std::uint32_t>::max()) {
      throw vocabulary.error("the id of \"" + std::string(text) + "\" is not a valid token id");
    }
    options.vocabulary.push_back({text, static_cast<std::uint32_t>(id), 0});
  });
  options.unknown_token = value.at("unk_token").string();
  options.continuing_prefix = value.at("continuing_subword_prefix").string();
  const JsonValue longest = value.at("max_input_chars_per_word");
  if (longest.integer() < 0) throw longest.error("expected a number of 0 or more");
  options.longest_word = static_cast<std::size_t>(longest.integer());
  return with_context(value, [&] { return make_wordpiece(options); });
}

// 1, 10, ... 10^308, each the nearest double.
std::array<double, 309> powers_of_ten() {
  std::array<double, 309> powers;
  for (std::size_t i = 0; i < powers.size(); ++i) {
    powers[i] = std::strtod(("1e" + std::to_string(i)).c_str(), nullptr);
  }
  return powers;
}

// Old files do not name the model's type.
std::string_view model_type(const JsonValue& value) {
  if (const auto type = value.find("type")) return type->string();
  if (value.find("merges")) return "BPE";
  if (value.find("continuing_subword_prefix")) return "WordPiece";
  return value.at("vocab").kind() == JsonValue::Kind::kArray ? "Unigram" : "WordLevel";
}

}  // namespace

double score_as_reference_reads(double value) {
  if (!std::isfinite(value) || value == 0) return value;
  std::array<char, 64> buffer;
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), std::abs(value),
                                 std::chars_format::scientific);
  const std::string_view text(buffer.data(), static_cast<std::size_t>(end.ptr - buffer.data()));
  const std::size_t mark = text.find('e');
  std::uint64_t digits = 0;
  int exponent = 0;
  for (const char c : text.substr(0, mark)) {
    if (c == '.') continue;
    digits = digits * 10 + static_cast<std::uint64_t>(c - '0');
    --exponent;
  }
  int written = 0;
  const std::string_view power = text.substr(mark + (text[mark + 1] == '+' ? 2 : 1));
  std::from_chars(power.data(), power.data() + power.size(), written);
  exponent += written + 1;
  static const std::array<double, 309> kPowers = powers_of_ten();
  double result = static_cast<double>(digits);
  if (exponent < -308) {
    result /= 1e308;
    exponent += 308;
  }
  const double factor = kPowers[static_cast<std::size_t>(std::abs(exponent))];
  result = exponent >= 0 ? result * factor : result / factor;
  return std::copysign(result, value);
}

ModelPtr load_tokenizer_model(const JsonValue& value) {
  const std::string_view type = model_type(value);
  if (type == "Unigram") return load_unigram(value);
  if (type == "WordPiece") return load_wordpiece(value);
  throw value.error("the model \"" + std::string(type) + "\" is not supported");
}

}  // namespace nestvec
