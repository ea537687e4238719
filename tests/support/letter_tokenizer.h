// SPDX-License-Identifier: Apache-2.0
// A tokenizer of 26 words, one a letter.
#pragma once

#include <string>

#include "tokenizer/tokenizer.h"

namespace nestvec {

inline Tokenizer letter_tokenizer() {
  std::string vocab = R"("<s>": 0, "</s>": 1, "[UNK]": 2)";
  for (char c = 'a'; c <= 'z'; ++c) {
    vocab += std::string(", \"") + c + "\": " + std::to_string(c - 'a' + 3);
  }
  return Tokenizer::parse(R"({"version": "1.0", "truncation": null, "padding": null,
    "added_tokens": [], "normalizer": null, "pre_tokenizer": {"type": "WhitespaceSplit"},
    "post_processor": {"type": "BertProcessing", "sep": ["</s>", 1], "cls": ["<s>", 0]},
    "decoder": null,
    "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
              "max_input_chars_per_word": 100, "vocab": {)" +
                              vocab + "}}}",
                          "letters");
}

}  // namespace nestvec
