// SPDX-License-Identifier: Apache-2.0
// The normalizers that are a few lines each.
#include "tokenizer/normalizer.h"

#include <utility>

#include "tokenizer/pattern.h"
#include "tokenizer/unicode_data.h"
#include "tokenizer/unicode_edits.h"
#include "tokenizer/unicode_normalize.h"
#include "tokenizer/utf8_scan.h"

namespace nestvec {
namespace {

class UnicodeNormalizer final : public Normalizer {
 public:
  explicit UnicodeNormalizer(NormalizationForm form) : form_(form) {}
  void apply(MappedText& text, MappedText& scratch, Pace& pace) const override {
    apply_normalization_form(form_, text, scratch, pace);
  }

 private:
  NormalizationForm form_;
};

class LowercaseNormalizer final : public Normalizer {
 public:
  void apply(MappedText& text, MappedText& scratch, Pace& pace) const override {
    apply_lowercase(text, scratch, pace);
  }
};

class StripAccentsNormalizer final : public Normalizer {
 public:
  void apply(MappedText& text, MappedText& scratch, Pace& pace) const override {
    remove_code_points(text, scratch, is_combining_mark, pace);
  }
};

class StripNormalizer final : public Normalizer {
 public:
  StripNormalizer(bool left, bool right) : left_(left), right_(right) {}

  void apply(MappedText& text, MappedText& scratch, Pace& pace) const override {
    const std::string_view bytes = text.bytes;
    std::size_t begin = 0;
    std::size_t end = bytes.size();
    while (left_ && begin < end) {
      pace.spend();
      std::size_t next = begin;
      if (!is_whitespace(next_code_point(bytes, next))) break;
      begin = next;
    }
    while (right_ && begin < end) {
      pace.spend();
      std::size_t start = previous_code_point(bytes, end);
      const std::size_t last = start;
      if (!is_whitespace(next_code_point(bytes, start))) break;
      end = last;
    }
    if (end - begin == bytes.size()) return;
    scratch.clear(text.tracked);
    scratch.append_from(text, begin, end, pace);
    std::swap(text, scratch);
  }

 private:
  bool left_;
  bool right_;
};

class PrependNormalizer final : public Normalizer {
 public:
  explicit PrependNormalizer(std::string prefix) : prefix_(std::move(prefix)) {}

  void apply(MappedText& text, MappedText& scratch, Pace& pace) const override {
    if (text.bytes.empty() || prefix_.empty()) return;
    scratch.clear(text.tracked);
    scratch.append(prefix_, text.tracked ? text.origins.front() : 0);
    scratch.append_from(text, 0, text.bytes.size(), pace);
    std::swap(text, scratch);
    check_mapped_size(text);
  }

 private:
  std::string prefix_;
};

class ReplaceNormalizer final : public Normalizer {
 public:
  ReplaceNormalizer(Pattern pattern, std::string content)
      : pattern_(std::move(pattern)), content_(std::move(content)) {}

  void apply(MappedText& text, MappedText& scratch, Pace& pace) const override {
    Pattern::Finder finder(pattern_, text.bytes, text.bytes.size(), pace);
    auto match = finder.find(0);
    if (!match) return;
    scratch.clear(text.tracked);
    std::size_t copied = 0;
    for (; match; match = finder.find(copied)) {
      scratch.append_from(text, copied, match->begin, pace);
      // All of the content stands for the last character that it replaces.
      scratch.append(content_, text.tracked ? text.origins[match->end - 1] : 0);
      check_mapped_size(scratch);
      copied = match->end;
    }
    scratch.append_from(text, copied, text.bytes.size(), pace);
    std::swap(text, scratch);
    check_mapped_size(text);
  }

 private:
  Pattern pattern_;
  std::string content_;
};

class SequenceNormalizer final : public Normalizer {
 public:
  explicit SequenceNormalizer(std::vector<NormalizerPtr> steps) : steps_(std::move(steps)) {}
  void apply(MappedText& text, MappedText& scratch, Pace& pace) const override {
    for (const NormalizerPtr& step : steps_) step->apply(text, scratch, pace);
  }

 private:
  std::vector<NormalizerPtr> steps_;
};

}  // namespace

NormalizerPtr make_unicode_normalizer(NormalizationForm form) {
  return std::make_unique<UnicodeNormalizer>(form);
}

NormalizerPtr make_lowercase_normalizer() { return std::make_unique<LowercaseNormalizer>(); }

NormalizerPtr make_strip_accents_normalizer() { return std::make_unique<StripAccentsNormalizer>(); }

NormalizerPtr make_strip_normalizer(bool left, bool right) {
  return std::make_unique<StripNormalizer>(left, right);
}

NormalizerPtr make_prepend_normalizer(std::string prefix) {
  return std::make_unique<PrependNormalizer>(std::move(prefix));
}

NormalizerPtr make_replace_normalizer(Pattern pattern, std::string content) {
  return std::make_unique<ReplaceNormalizer>(std::move(pattern), std::move(content));
}

NormalizerPtr make_sequence_normalizer(std::vector<NormalizerPtr> steps) {
  return std::make_unique<SequenceNormalizer>(std::move(steps));
}

}  // namespace nestvec
