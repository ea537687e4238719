// SPDX-License-Identifier: Apache-2.0
// The step before splitting: characters are cleaned, folded, composed, replaced.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tokenizer/mapped_text.h"

namespace nestvec {

class Pattern;

// Immutable, safe for concurrent use.
class Normalizer {
 public:
  virtual ~Normalizer() = default;
  // Changes `text`; `scratch` is memory to work in, its contents are lost. Both may be swapped.
  // Linear in the text; throws what the pace throws.
  virtual void apply(MappedText& text, MappedText& scratch, Pace& pace) const = 0;
};

using NormalizerPtr = std::unique_ptr<const Normalizer>;

// "BertNormalizer".
struct BertNormalizerOptions {
  bool clean_text = true;
  bool handle_chinese_chars = true;
  bool strip_accents = true;
  bool lowercase = true;
};
NormalizerPtr make_bert_normalizer(const BertNormalizerOptions& options);

// "NFC", "NFD", "NFKC", "NFKD"; the form's enum is in unicode_normalize.h.
enum class NormalizationForm : std::uint8_t;
NormalizerPtr make_unicode_normalizer(NormalizationForm form);

NormalizerPtr make_lowercase_normalizer();
NormalizerPtr make_strip_accents_normalizer();
NormalizerPtr make_strip_normalizer(bool left, bool right);
NormalizerPtr make_prepend_normalizer(std::string prefix);
NormalizerPtr make_replace_normalizer(Pattern pattern, std::string content);

// "Sequence": one after the other.
NormalizerPtr make_sequence_normalizer(std::vector<NormalizerPtr> steps);

}  // namespace nestvec
