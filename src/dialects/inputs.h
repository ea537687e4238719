// SPDX-License-Identifier: Apache-2.0
// Members that the bodies of several dialects have in common: inputs, dimensions.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "dialects/request_body.h"
#include "nestvec/model.h"
#include "service/http_call.h"

namespace nestvec {

// What the reading of inputs needs to know of the model; tests make one up.
struct InputRules {
  const ModelInfo& model;
  std::size_t max_inputs;
  std::function<std::string(std::span<const std::uint32_t>)> decode;
  bool token_ids = true;                      // they may stand for texts
  bool strict_model = false;                  // server.strict_model
  Truncation overlong = Truncation::kRight;   // where a request does not say
  std::span<const std::string> aliases = {};  // other names of the model
};
// What becomes of a text over the model's limit where a request does not say: server.overlong.
Truncation overlong_of(const ServerOptions& options);

// Its decode ends as `control` says, or with the exchange. Token ids are taken where
// server.token_ids says so; a route whose clients have them from this server sets token_ids itself.
InputRules input_rules(const Service& service, const RunControl& control);
InputRules input_rules(const Exchange& exchange);

// A string, strings, token ids, lists of token ids, {"text": ...} or a list of those; items may
// mix. Token ids become text by the model's decoder. A flat list of integers is one input. `param`
// is the member's name in errors ("input" -> "input[22]"). An item's own "task" goes into
// call.tasks, the member's name into call.param. Throws RequestError: kEmpty (no item, or one
// without text), more than max_inputs, a wrong type, token ids where rules.token_ids is false.
void read_inputs(const JsonValue& value, std::string_view param, const InputRules& rules,
                 EmbedCall& call);

// `task`, or the task of the member `prompt_name` where it is empty. Throws RequestError
// kUnprocessable for a prompt that the model does not have, or one of another task.
std::string with_prompt_name(std::string task, const JsonValue& body, const ModelInfo& model);

// The member "model", empty where there is none. Throws RequestError: a wrong type.
std::string_view model_member(const JsonValue& body);

// The task that the member "model" asks for, empty where it asks for none. Throws RequestError: a
// wrong type, and as task_of_name().
std::string task_of_model(const JsonValue& body, const InputRules& rules);

// What a reranker reads before the query instead of its own instruction: `instruction`, or SGLang's
// `instruct`; empty where there is none. Throws RequestError: a wrong type, over 4,096 bytes.
std::string read_instruction(const JsonValue& body);

// Throws RequestError kUnprocessable where two members of a request that mean the same say
// different things: `said` is by `member`, `other` by `by`.
template <typename T>
void require_agreement(const T& said, std::string_view member, const T& other,
                       std::string_view by) {
  if (said == other) return;
  throw RequestError(ErrorCode::kInvalidArgument,
                     std::string(member) + " contradicts " + std::string(by) +
                         "; both mean the same, so give one of them",
                     std::string(member), Fault::kUnprocessable);
}

// 1..model.dimensions. Throws RequestError kInvalidArgument for another.
std::size_t read_dimensions(const JsonValue& value, const ModelInfo& model, std::string_view param);

}  // namespace nestvec
