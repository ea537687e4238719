// SPDX-License-Identifier: Apache-2.0
// What text-embeddings-inference's requests hold. No model is needed to read them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "dialects/inputs.h"
#include "dialects/request_body.h"
#include "nestvec/model.h"

namespace nestvec {

// All of these throw RequestError, whose param is the path of the member at fault: kEmpty where
// there is no input, BatchSizeError over the limit of inputs, kInvalidArgument for a wrong type or
// value, kUnprocessable for an unknown task.

// truncate (null: true), truncation_direction, prompt_name (of the model's prompts, in any of their
// names), task (an extension), normalize (true), dimensions; each in the body or, as Hugging Face's
// endpoints have it, in its object `parameters`, which goes before.
EmbedOptions read_tei_options(const JsonValue& body, const InputRules& rules);

// What becomes of a text that is too long, by the members of these names of two objects, which may
// be one.
Truncation read_tei_truncation(const JsonValue& truncate, const JsonValue& direction,
                               const InputRules& rules);

// Whether inputs came as a list, which may have one item; a list of token ids is one input.
bool is_batch(const JsonValue& inputs);

// `inputs` of an embedding request: a text, token ids, or a list that mixes them.
struct TeiInputs {
  EmbedCall call;
  bool batch = false;  // a list came
  std::size_t characters = 0;
};
TeiInputs read_tei_inputs(const JsonValue& body, const InputRules& rules);

// Whether a request for "/", where Hugging Face's client sends every task, is one for /similarity.
bool is_similarity(const JsonValue& body);

// /similarity: the source sentence, then the sentences to compare it with.
EmbedCall read_similarity(const JsonValue& body, const InputRules& rules);

// /tokenize.
struct TokenizeCall {
  std::vector<std::string> texts;  // with the prompt, where one is named
  bool add_special = true;
};
TokenizeCall read_tokenize(const JsonValue& body, const InputRules& rules);

// /decode.
struct DecodeCall {
  std::vector<std::vector<std::uint32_t>> ids;
  bool skip_special = true;
};
DecodeCall read_decode(const JsonValue& body, const InputRules& rules);

// Unicode code points of texts in valid UTF-8.
std::size_t count_characters(std::span<const std::string> texts);

}  // namespace nestvec
