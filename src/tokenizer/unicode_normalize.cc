// SPDX-License-Identifier: Apache-2.0
// Normalization in two passes over one vector: decompose and order, then compose in place.
#include "tokenizer/unicode_normalize.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/utf8.h"
#include "tokenizer/unicode_data.h"

namespace nestvec {
namespace {

using Iterator = std::vector<NormalizedCodePoint>::iterator;

bool composes(NormalizationForm form) {
  return form == NormalizationForm::kNfc || form == NormalizationForm::kNfkc;
}

bool is_compatibility(NormalizationForm form) {
  return form == NormalizationForm::kNfkc || form == NormalizationForm::kNfkd;
}

// A long run of combining marks, by counting: linear, however long a stranger makes it.
void order_many_marks(Iterator begin, Iterator end, Pace& pace) {
  std::array<std::size_t, 256> next{};  // place of the next mark of a class
  for (Iterator i = begin; i != end; ++i) ++next[combining_class(i->code_point)];
  std::size_t place = 0;
  for (std::size_t& count : next) place += std::exchange(count, place);
  std::vector<NormalizedCodePoint> ordered(static_cast<std::size_t>(end - begin));
  for (Iterator i = begin; i != end; ++i) {
    pace.spend();
    ordered[next[combining_class(i->code_point)]++] = *i;
  }
  std::copy(ordered.begin(), ordered.end(), begin);
}

// Canonical ordering of one run of combining marks. Short runs, nearly all there are, need no
// memory.
void order_marks(Iterator begin, Iterator end, Pace& pace) {
  constexpr std::ptrdiff_t kShortRun = 16;
  const auto less = [](const NormalizedCodePoint& a, const NormalizedCodePoint& b) {
    return combining_class(a.code_point) < combining_class(b.code_point);
  };
  if (end - begin < 2 || std::is_sorted(begin, end, less)) return;
  if (end - begin > kShortRun) {
    order_many_marks(begin, end, pace);
    return;
  }
  for (Iterator i = begin + 1; i != end; ++i) {
    std::rotate(std::upper_bound(begin, i, *i, less), i, i + 1);
  }
}

// Appends the ordered full decomposition of `text`.
void decompose(NormalizationForm form, std::span<const char32_t> text,
               std::vector<NormalizedCodePoint>& out, Pace& pace) {
  const bool compatibility = is_compatibility(form);
  const std::uint8_t mapped = compatibility ? kCompatibilityMapping : kCanonicalMapping;
  std::size_t marks = 0;  // where the current run of marks begins
  const auto append = [&](char32_t c, std::int32_t change) {
    if (combining_class(c) == 0) {
      order_marks(out.begin() + static_cast<std::ptrdiff_t>(marks), out.end(), pace);
      marks = out.size() + 1;
    }
    out.push_back({c, change});
  };
  DecompositionBuffer buffer;
  for (const char32_t c : text) {
    pace.spend();
    if ((unicode_record(c).normalization & mapped) == 0) {
      append(c, 0);
      continue;
    }
    std::int32_t change = 0;
    for (const char32_t part : compatibility ? compatibility_decomposition(c, buffer)
                                             : canonical_decomposition(c, buffer)) {
      append(part, change);
      change = 1;
    }
  }
  if (marks < out.size())
    order_marks(out.begin() + static_cast<std::ptrdiff_t>(marks), out.end(), pace);
}

// Canonical composition in place. A composed code point takes the changes of both: it stands for
// one code point, so it removes one where neither part had been inserted.
void compose(std::vector<NormalizedCodePoint>& text, Pace& pace) {
  std::size_t size = 0;     // what is written
  std::size_t starter = 0;  // the last written starter ...
  bool has_starter = false;
  std::uint8_t last_class = 0;  // ... and the class of the mark written last after it
  for (const NormalizedCodePoint next : text) {
    pace.spend();
    const std::uint8_t next_class = combining_class(next.code_point);
    const bool adjacent = size == starter + 1;
    if (has_starter && (adjacent || last_class < next_class)) {
      NormalizedCodePoint& base = text[starter];
      const char32_t composite = compose_pair(base.code_point, next.code_point);
      if (composite != 0) {
        base = {composite, base.change + next.change - 1};
        continue;
      }
    }
    if (next_class == 0) {
      starter = size;
      has_starter = true;
    }
    last_class = next_class;
    text[size++] = next;
  }
  text.resize(size);
}

}  // namespace

void normalize(NormalizationForm form, std::span<const char32_t> text,
               std::vector<NormalizedCodePoint>& out, Pace& pace) {
  out.clear();
  out.reserve(text.size());
  decompose(form, text, out, pace);
  if (composes(form)) compose(out, pace);
}

std::size_t normalized_prefix(NormalizationForm form, std::string_view text, Pace& pace) {
  std::uint8_t changing = 0;
  switch (form) {
    case NormalizationForm::kNfc:
      changing = kNotNfc | kComposesBack;
      break;
    case NormalizationForm::kNfkc:
      changing = kNotNfkc | kComposesBack;
      break;
    case NormalizationForm::kNfd:
      changing = kCanonicalMapping;
      break;
    case NormalizationForm::kNfkd:
      changing = kCompatibilityMapping;
      break;
  }
  std::size_t starter = 0;  // where the last starter begins: the safe place to stop
  std::uint8_t last_class = 0;
  for (std::size_t i = 0; i < text.size();) {
    pace.spend();
    if (static_cast<unsigned char>(text[i]) < 0x80) {
      starter = i++;
      last_class = 0;
      continue;
    }
    const DecodedCodePoint next = decode_utf8(text.substr(i));
    const UnicodeRecord& record = unicode_record(next.code_point);
    if ((record.normalization & changing) != 0) return starter;
    if (record.combining_class == 0) {
      starter = i;
    } else if (record.combining_class < last_class) {
      return starter;
    }
    last_class = record.combining_class;
    i += next.length;
  }
  return text.size();
}

}  // namespace nestvec
