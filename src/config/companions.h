// SPDX-License-Identifier: Apache-2.0
// The small files of a model folder.
#pragma once

#include <array>
#include <string_view>

namespace nestvec {

// What sentence-transformers calls the configuration of its Transformer module; the first that is
// there and not empty counts.
inline constexpr std::array<std::string_view, 7> kSentenceConfigs = {
    "sentence_bert_config.json",       "sentence_roberta_config.json",
    "sentence_distilbert_config.json", "sentence_camembert_config.json",
    "sentence_albert_config.json",     "sentence_xlm-roberta_config.json",
    "sentence_xlnet_config.json"};

// "1_Pooling": how sentence-transformers names the folder of a module.
bool is_module_folder(std::string_view name);

// Whether the file at `path`, relative to the folder of a model and with '/', is one of its
// configuration, tokenizer or prompts, or configures a module of sentence-transformers: what makes
// a model of weights.
bool is_companion(std::string_view path);

}  // namespace nestvec
