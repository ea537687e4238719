// SPDX-License-Identifier: Apache-2.0
// POST /classify of vLLM and of Infinity: texts to the scores of a classifier's labels.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/pace.h"
#include "dialects/inputs.h"
#include "service/call_rows.h"
#include "service/router.h"
#include "service/score_call.h"

namespace nestvec {

// POST /classify and /v1/classify, where SGLang has it.
std::vector<Route> classify_routes(const Service& service);

struct ClassifyRequest {
  ScoreCall call;
  bool for_infinity = false;
};

// input: a text or a list; use_activation (vLLM) or raw_scores (Infinity, whose client always sends
// it: a body with it gets an answer in Infinity's form); truncate and vLLM's
// truncate_prompt_tokens. Throws RequestError, whose param is the path of the member at fault.
ClassifyRequest read_classify(const JsonValue& body, const InputRules& rules);

// Of an answer, what is known before the scores.
struct ClassifyAnswer {
  bool for_infinity = false;
  std::string id;
  std::int64_t created = 0;
};

// For each text {"index","label","probs","num_classes"}, with the best label and all scores in the
// order of the labels; for Infinity a list of {"score","label"}, best first. Spends a step a score.
std::string render_classes(const ClassifyAnswer& answer, const CallRows& scored,
                           const ModelInfo& model, Pace& pace);
// The most bytes of that.
std::size_t most_of_classes(std::size_t texts, const ModelInfo& model);

}  // namespace nestvec
