// SPDX-License-Identifier: Apache-2.0
// Loading of normalizers.
#include <algorithm>
#include <utility>

#include "tokenizer/charsmap.h"
#include "tokenizer/component_loader.h"
#include "tokenizer/unicode_normalize.h"

namespace nestvec {
namespace {

int base64_digit(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+') return 62;
  if (c == '/') return 63;
  return -1;
}

// RFC 4648, section 4, with padding.
std::string decode_base64(const JsonValue& value) {
  std::string_view text = value.string();
  if (text.size() % 4 != 0) throw value.error("not base64: its length is no multiple of 4");
  while (text.ends_with('=')) text.remove_suffix(1);
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3 + 2);
  std::uint32_t bits = 0;
  unsigned count = 0;
  for (const char c : text) {
    const int digit = base64_digit(c);
    if (digit < 0) throw value.error("not base64: it has a character outside the alphabet");
    bits = (bits << 6) | static_cast<std::uint32_t>(digit);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes.push_back(static_cast<char>((bits >> count) & 0xFF));
  }
  return bytes;
}

NormalizerPtr load_bert_normalizer(const JsonValue& value, const NormalizerChanges& changes) {
  BertNormalizerOptions options;
  options.clean_text = value.at("clean_text").boolean();
  options.handle_chinese_chars =
      changes.handle_chinese_chars.value_or(value.at("handle_chinese_chars").boolean());
  options.lowercase = changes.lowercase.value_or(value.at("lowercase").boolean());
  options.strip_accents =
      changes.strip_accents.value_or(boolean_or(value, "strip_accents", options.lowercase));
  return make_bert_normalizer(options);
}

NormalizerPtr load_charsmap(const JsonValue& value) {
  const JsonValue map = value.at("precompiled_charsmap");
  const std::string blob = decode_base64(map);
  return with_context(map, [&]() -> NormalizerPtr { return std::make_unique<Charsmap>(blob); });
}

}  // namespace

Pattern load_pattern(const JsonValue& value) {
  if (const auto text = value.find("String")) {
    return with_context(*text, [&] { return Pattern::literal(text->string()); });
  }
  const JsonValue regex = value.at("Regex");
  return with_context(regex, [&] { return Pattern::regex(regex.string()); });
}

namespace {

NormalizerPtr load_normalizer(const JsonValue& value, const NormalizerChanges& changes) {
  const std::string_view type = value.at("type").string();
  if (type == "Sequence") {
    return make_sequence_normalizer(load_each(value, "normalizers", [&](const JsonValue& step) {
      return load_normalizer(step, changes);
    }));
  }
  if (type == "Precompiled") return load_charsmap(value);
  if (type == "BertNormalizer") return load_bert_normalizer(value, changes);
  if (type == "NFC") return make_unicode_normalizer(NormalizationForm::kNfc);
  if (type == "NFD") return make_unicode_normalizer(NormalizationForm::kNfd);
  if (type == "NFKC") return make_unicode_normalizer(NormalizationForm::kNfkc);
  if (type == "NFKD") return make_unicode_normalizer(NormalizationForm::kNfkd);
  if (type == "Lowercase") return make_lowercase_normalizer();
  if (type == "StripAccents") return make_strip_accents_normalizer();
  if (type == "Strip") {
    return make_strip_normalizer(value.at("strip_left").boolean(),
                                 value.at("strip_right").boolean());
  }
  if (type == "Prepend") return make_prepend_normalizer(std::string(value.at("prepend").string()));
  if (type == "Replace") {
    return make_replace_normalizer(load_pattern(value.at("pattern")),
                                   std::string(value.at("content").string()));
  }
  throw unknown_component(value, "normalizer");
}

bool lowers(const JsonValue& normalizer) {
  const auto is_lowercase = [](const JsonValue& value) {
    return value.at("type").string() == "Lowercase";
  };
  if (normalizer.at("type").string() != "Sequence") return is_lowercase(normalizer);
  const std::vector<JsonValue> steps = normalizer.at("normalizers").elements();
  return std::any_of(steps.begin(), steps.end(), is_lowercase);
}

}  // namespace

NormalizerPtr load_changed_normalizer(const std::optional<JsonValue>& value,
                                      const NormalizerChanges& changes) {
  NormalizerPtr own;
  if (value) own = load_normalizer(*value, changes);
  if (!changes.lowercase_first || (value && lowers(*value))) return own;
  std::vector<NormalizerPtr> steps;
  steps.push_back(make_lowercase_normalizer());
  if (own) steps.push_back(std::move(own));
  return make_sequence_normalizer(std::move(steps));
}

}  // namespace nestvec
