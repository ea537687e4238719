// SPDX-License-Identifier: Apache-2.0
// Edits of a mapped text by Unicode property, which several normalizers share.
#pragma once

#include "tokenizer/mapped_text.h"

namespace nestvec {

enum class NormalizationForm : std::uint8_t;

// Each leaves the result in `text`; `scratch` loses its contents. `text` stays untouched where
// nothing changes. Linear. Throw what the pace throws, and Error kInvalidArgument for a text that
// grows over 4 GiB - 1.
void apply_normalization_form(NormalizationForm form, MappedText& text, MappedText& scratch,
                              Pace& pace);
void apply_lowercase(MappedText& text, MappedText& scratch, Pace& pace);

// Takes out the code points that have a property.
using CodePointProperty = bool (*)(char32_t) noexcept;
void remove_code_points(MappedText& text, MappedText& scratch, CodePointProperty property,
                        Pace& pace);

}  // namespace nestvec
