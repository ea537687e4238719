// SPDX-License-Identifier: Apache-2.0
// Loading of models with their vocabularies.
#include <array>
#include <bitset>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>

#include "tokenizer/byte_level.h"
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

// {"token": id, ...}.
std::vector<VocabularyEntry> load_vocabulary(const JsonValue& vocabulary) {
  std::vector<VocabularyEntry> entries;
  entries.reserve(vocabulary.size());
  vocabulary.for_each_member([&](std::string_view text, simdjson::dom::element element) {
    std::uint64_t id = 0;
    if (element.get(id) != simdjson::SUCCESS || id > std::numeric_limits<std::uint32_t>::max()) {
      throw vocabulary.error("the id of \"" + std::string(text) + "\" is not a valid token id");
    }
    entries.push_back({text, static_cast<std::uint32_t>(id), 0});
  });
  return entries;
}

ModelPtr load_wordpiece(const JsonValue& value) {
  WordPieceOptions options;
  options.vocabulary = load_vocabulary(value.at("vocab"));
  options.unknown_token = value.at("unk_token").string();
  options.continuing_prefix = value.at("continuing_subword_prefix").string();
  const JsonValue longest = value.at("max_input_chars_per_word");
  if (longest.integer() < 0) throw longest.error("expected a number of 0 or more");
  options.longest_word = static_cast<std::size_t>(longest.integer());
  return with_context(value, [&] { return make_wordpiece(options); });
}

// "a b", with exactly one space, or ["a", "b"]; false for anything else.
bool read_merge(simdjson::dom::element element, BpeOptions::Merge& merge) {
  std::string_view text;
  if (element.get(text) == simdjson::SUCCESS) {
    const std::size_t space = text.find(' ');
    if (space == std::string_view::npos || text.find(' ', space + 1) != std::string_view::npos) {
      return false;
    }
    merge = {text.substr(0, space), text.substr(space + 1)};
    return true;
  }
  simdjson::dom::array pair;
  return element.get(pair) == simdjson::SUCCESS && pair.size() == 2 &&
         pair.at(0).get(merge.left) == simdjson::SUCCESS &&
         pair.at(1).get(merge.right) == simdjson::SUCCESS;
}

std::vector<BpeOptions::Merge> load_merges(const JsonValue& merges) {
  std::vector<BpeOptions::Merge> loaded;
  loaded.reserve(merges.size());
  merges.for_each_element([&](simdjson::dom::element element) {
    std::string_view line;
    if (element.get(line) == simdjson::SUCCESS && line.starts_with("#version")) return;
    BpeOptions::Merge merge;
    if (!read_merge(element, merge)) {
      throw merges.error("merge " + std::to_string(loaded.size()) +
                         ": expected \"left right\" or [left, right]");
    }
    loaded.push_back(merge);
  });
  return loaded;
}

std::string string_or_empty(const JsonValue& object, std::string_view key) {
  const auto value = object.find(key);
  return value ? std::string(value->string()) : std::string();
}

ModelPtr load_bpe(const JsonValue& value, bool byte_level) {
  if (const auto dropout = value.find("dropout"); dropout && dropout->number() != 0) {
    throw dropout->error("expected null or 0, since texts would become other tokens each time");
  }
  BpeOptions options;
  options.vocabulary = load_vocabulary(value.at("vocab"));
  options.merges = load_merges(value.at("merges"));
  if (const auto unknown = value.find("unk_token")) options.unknown_token = unknown->string();
  options.continuing_prefix = string_or_empty(value, "continuing_subword_prefix");
  options.end_suffix = string_or_empty(value, "end_of_word_suffix");
  options.fuse_unknown = boolean_or(value, "fuse_unk", false);
  options.byte_fallback = boolean_or(value, "byte_fallback", false);
  options.ignore_merges = boolean_or(value, "ignore_merges", false);
  options.byte_level = byte_level;
  return with_context(value, [&] { return make_bpe(options); });
}

ModelPtr load_word_level(const JsonValue& value) {
  WordLevelOptions options;
  options.vocabulary = load_vocabulary(value.at("vocab"));
  options.unknown_token = value.at("unk_token").string();
  return with_context(value, [&] { return make_word_level(options); });
}

// Whether no byte can be unknown. An unknown one that vanishes moves the offsets of what follows it
// by the length of its character, not by one.
bool has_every_byte(const JsonValue& vocabulary) {
  std::bitset<256> found;
  std::string byte;
  vocabulary.for_each_member([&](std::string_view text, simdjson::dom::element) {
    byte.clear();
    if (text.size() > 2 || !append_bytes_of(text, byte) || byte.size() != 1) return;
    found.set(static_cast<std::uint8_t>(byte.front()));
  });
  return found.all();
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

bool takes_bytes(const JsonValue& model) {
  return model_type(model) == "BPE" && !boolean_or(model, "byte_fallback", false) &&
         string_or_empty(model, "continuing_subword_prefix").empty() &&
         string_or_empty(model, "end_of_word_suffix").empty() &&
         (model.find("unk_token") || has_every_byte(model.at("vocab")));
}

ModelPtr load_tokenizer_model(const JsonValue& value, bool byte_level) {
  const std::string_view type = model_type(value);
  if (type == "Unigram") return load_unigram(value);
  if (type == "WordPiece") return load_wordpiece(value);
  if (type == "BPE") return load_bpe(value, byte_level);
  if (type == "WordLevel") return load_word_level(value);
  throw value.error("the model \"" + std::string(type) + "\" is not supported");
}

}  // namespace nestvec
