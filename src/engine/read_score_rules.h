// SPDX-License-Identifier: Apache-2.0
// What a model folder says about the outputs of a classifier and the pairs that it reads.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "nestvec/options.h"
#include "text/chat_template.h"

namespace nestvec {

struct ScoreRules {
  // In the order of the outputs: id2label, else LABEL_0 ... as transformers names them. One label
  // makes a reranker.
  std::vector<std::string> labels;
  // kNone, kSigmoid or kSoftmax; never kModel.
  ScoreActivation activation = ScoreActivation::kNone;
  // A file of sentence-transformers names it; else it is the default for these labels, where
  // sentence-transformers itself leaves several outputs raw.
  bool names_activation = false;
  // kLongestFirst or kOnlySecond; never kModel.
  PairTruncation truncation = PairTruncation::kLongestFirst;
  // Most tokens of a pair where processing_kwargs says so, as it does before every other file; else
  // 0.
  std::size_t max_tokens = 0;
  // The model is given the token types of a pair; false where tokenizer_config.json leaves
  // token_type_ids out, as transformers does then: all are 0 to the model.
  bool token_types = true;
  // How a pair is laid out as one text; else the tokenizer joins the tokens of two.
  std::optional<PairTemplate> layout;
};

// Reads config.json, config_sentence_transformers.json, tokenizer_config.json, the chat template,
// and of the sentence_..._config.json processing_kwargs and the modalities. `by_logit`: of a
// language model, which has one label. `unstated`: of labels where config.json has neither names
// nor a number. Length and side of truncation are otherwise ModelFolder's max_tokens and
// truncates_left, as for a single text. Throws Error: as JsonDocument::load, kInvalidArgument (a
// broken value; labels whose numbers are not 0, 1, 2 ...), kUnimplemented (an activation function,
// an argument or a template that is not supported, with file and key).
ScoreRules read_score_rules(const std::string& folder, bool by_logit = false,
                            std::size_t unstated = 2);

// "none", "sigmoid", "softmax", as ModelInfo::activation has it. Precondition: not kModel.
const char* activation_name(ScoreActivation activation);

}  // namespace nestvec
