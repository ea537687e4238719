// SPDX-License-Identifier: Apache-2.0
// Language models whose score is a logit: what a folder says of them.
#pragma once

#include <optional>
#include <string>

#include "compile/model_spec.h"
#include "text/chat_template.h"

namespace nestvec {

class JsonValue;

// How the folder's chat template (chat_template.jinja, else that of tokenizer_config.json) lays out
// a query and a document; nullopt where there is none with places for them. Throws Error
// kUnimplemented (a template of another form, with the file), kInvalidArgument (a broken file).
std::optional<PairTemplate> find_pair_template(const std::string& folder);

// Whether the scores of a language model are wanted: its modules.json has a LogitScore, or there is
// no modules.json and the chat template is one for pairs, as sentence-transformers decides.
bool scores_by_logit(const std::string& folder, const JsonValue& config);

// Adds that head to `spec`, with the tokens that LogitScore names, else "yes" and "no". Throws
// Error: kUnimplemented (of a family without such a head), kInvalidArgument (a token that the model
// does not have), kNotFound (LogitScore's config.json is missing).
void read_logit_score(const std::string& folder, const JsonValue& config, ModelSpec& spec);

}  // namespace nestvec
