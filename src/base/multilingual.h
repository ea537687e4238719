// SPDX-License-Identifier: Apache-2.0
// A guess at the languages of a model, to choose examples by.
#pragma once

#include <cstddef>

namespace nestvec {

// Whether a model with so many tokens probably reads more than English: the vocabularies of BERT
// and ModernBERT have 30,000 to 50,000, those of XLM-R, Qwen and Gemma 150,000 and more.
constexpr bool is_multilingual(std::size_t vocabulary) {
  constexpr std::size_t kFewest = 100'000;
  return vocabulary >= kFewest;
}

}  // namespace nestvec
