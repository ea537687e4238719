// SPDX-License-Identifier: Apache-2.0
// Members of other servers' requests that would change the vectors or the answer, and that are not
// done here. They are refused: a wrong vector is worse than an error. All others that a dialect
// does not know change nothing, and are ignored.
#pragma once

#include <span>
#include <string_view>

#include "base/json.h"
#include "nestvec/model.h"

namespace nestvec {

// A member and what its sender should do. It may be there where what it asks for is done anyway.
struct NotDone {
  std::string_view member;
  std::string_view why;
  bool (*is_harmless)(const JsonValue& value, const ModelInfo& model);
};

// Throws RequestError kInvalidArgument, "MEMBER: WHY", for the first member of `object` that is not
// harmless, and for an object of more than 1,000 members. The members that no dialect does are
// looked for always, `more` are the dialect's own.
void refuse_not_done(const JsonValue& object, const ModelInfo& model,
                     std::span<const NotDone> more = {});

// What to do instead of a `prompt`, on routes that read prompt_name.
inline constexpr std::string_view kUsePromptName =
    "write it in front of each text, or name one of the model's with prompt_name";

// For is_harmless: false, true, an empty list, object or text, never.
bool is_false(const JsonValue& value, const ModelInfo& model);
bool is_true(const JsonValue& value, const ModelInfo& model);
bool is_empty(const JsonValue& value, const ModelInfo& model);
bool is_never(const JsonValue& value, const ModelInfo& model);
// vLLM's truncate_prompt_tokens: -1, or no fewer than the model takes.
bool is_model_limit(const JsonValue& value, const ModelInfo& model);
// A way of pooling, as any server calls it, that is the model's own or that nobody has chosen.
bool is_own_pooling(const JsonValue& value, const ModelInfo& model);

}  // namespace nestvec
