// SPDX-License-Identifier: Apache-2.0
// The normalizer "BertNormalizer": cleaning, spaces around CJK ideographs, accents, lower case.
#include <array>
#include <utility>

#include "tokenizer/normalizer.h"
#include "tokenizer/unicode_data.h"
#include "tokenizer/unicode_edits.h"
#include "tokenizer/unicode_normalize.h"
#include "tokenizer/utf8_scan.h"

namespace nestvec {
namespace {

bool is_unclean(char32_t c) noexcept { return c == 0 || c == 0xFFFD || is_bert_control(c); }

// The blocks of CJK ideographs as BERT knows them; kana and Hangul are not among them.
bool is_chinese(char32_t c) noexcept {
  struct Block {
    char32_t first;
    char32_t last;
  };
  static constexpr std::array<Block, 8> kBlocks = {{{0x3400, 0x4DBF},
                                                    {0x4E00, 0x9FFF},
                                                    {0xF900, 0xFAFF},
                                                    {0x20000, 0x2A6DF},
                                                    {0x2A700, 0x2B73F},
                                                    {0x2B740, 0x2B81F},
                                                    {0x2B920, 0x2CEAF},
                                                    {0x2F800, 0x2FA1F}}};
  if (c < kBlocks[0].first) return false;
  for (const Block& block : kBlocks) {
    if (c >= block.first && c <= block.last) return true;
  }
  return false;
}

// All whitespace becomes U+0020.
void unify_whitespace(MappedText& text, MappedText& scratch, Pace& pace) {
  const std::string_view bytes = text.bytes;
  TextEditor editor(text, scratch, pace);
  std::size_t copied = 0;
  for (std::size_t i = 0; i < bytes.size();) {
    pace.spend();
    const std::size_t start = i;
    const char32_t c = next_code_point(bytes, i);
    if (c == U' ' || !is_whitespace(c)) continue;
    editor.copy(copied, start);
    editor.put(U' ', 0);
    copied = i;
  }
  if (copied == 0) return;
  editor.copy(copied, bytes.size());
  std::swap(text, scratch);
}

void space_chinese(MappedText& text, MappedText& scratch, Pace& pace) {
  const std::string_view bytes = text.bytes;
  TextEditor editor(text, scratch, pace);
  std::size_t copied = 0;
  for (std::size_t i = 0; i < bytes.size();) {
    pace.spend();
    const std::size_t start = i;
    const char32_t c = next_code_point(bytes, i);
    if (!is_chinese(c)) continue;
    editor.copy(copied, start);
    editor.put(U' ', 0);
    editor.put(c, 1);
    editor.put(U' ', 1);
    copied = i;
  }
  if (copied == 0) return;
  editor.copy(copied, bytes.size());
  std::swap(text, scratch);
  check_mapped_size(text);
}

class BertNormalizer final : public Normalizer {
 public:
  explicit BertNormalizer(const BertNormalizerOptions& options) : options_(options) {
    for (std::size_t c = 0; c < ascii_.size(); ++c) {
      char mapped = static_cast<char>(c);
      if (options.clean_text && is_whitespace(static_cast<char32_t>(c))) mapped = ' ';
      if (options.lowercase && c >= 'A' && c <= 'Z') mapped = static_cast<char>(c + 32);
      ascii_[c] = mapped;
      ascii_removed_[c] = options.clean_text && is_unclean(static_cast<char32_t>(c));
    }
  }

  void apply(MappedText& text, MappedText& scratch, Pace& pace) const override {
    if (apply_ascii(text, pace)) return;
    if (options_.clean_text) {
      remove_code_points(text, scratch, is_unclean, pace);
      unify_whitespace(text, scratch, pace);
    }
    if (options_.handle_chinese_chars) space_chinese(text, scratch, pace);
    if (options_.strip_accents) {
      apply_normalization_form(NormalizationForm::kNfd, text, scratch, pace);
      remove_code_points(text, scratch, is_nonspacing_mark, pace);
    }
    if (options_.lowercase) apply_lowercase(text, scratch, pace);
  }

 private:
  // Does it all in place where the text is ASCII and nothing goes away.
  bool apply_ascii(MappedText& text, Pace& pace) const {
    for (const char byte : text.bytes) {
      pace.spend();
      const auto c = static_cast<std::uint8_t>(byte);
      if (c >= 0x80 || ascii_removed_[c]) return false;
    }
    for (char& byte : text.bytes) byte = ascii_[static_cast<std::uint8_t>(byte)];
    return true;
  }

  BertNormalizerOptions options_;
  std::array<char, 128> ascii_;
  std::array<bool, 128> ascii_removed_;
};

}  // namespace

NormalizerPtr make_bert_normalizer(const BertNormalizerOptions& options) {
  return std::make_unique<BertNormalizer>(options);
}

}  // namespace nestvec
