// SPDX-License-Identifier: Apache-2.0
// What all dialects' embedding routes come down to.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/pace.h"
#include "nestvec/model.h"
#include "service/router.h"

namespace nestvec {

struct EmbedCall {
  std::vector<std::string> texts;
  std::vector<std::string> tasks;  // empty, or one a text (empty = options.task)
  // How many texts each document was cut into; empty = a text is a document. With late chunking
  // each document is a context of its own. Errors then name the document.
  std::vector<std::size_t> documents;
  EmbedOptions options;
};

// A task by its name or an alias (query, search_query -> retrieval.query; passage, document,
// search_document -> retrieval.passage; clustering -> separation; "" and null -> the default), in
// any case, with "_", "-" or "." between words. A model without tasks takes any of them and ignores
// it. Throws RequestError kUnprocessable (422) with the valid list.
std::string resolve_task(std::string_view name, const ModelInfo& model, std::string_view param);

// The prompt of a task by its own name; empty where the model has no such task.
std::string prompt_of(std::string_view task, const ModelInfo& model);

// When nobody waits for the exchange any more: its client has gone, or its deadline (x-request-
// timeout-ms and the server's own, the earlier) has passed. Throws RequestError for a header that
// does not parse.
RunControl control_of(const Exchange& exchange);

// Fills what the exchange decides: stop token and deadline as control_of, the client to be fair to,
// the queue's limits, priority (x-nestvec-priority: interactive | bulk). run_embed does it itself.
// Throws RequestError for a header that does not parse.
void apply_exchange(const Exchange& exchange, EmbedOptions& options);

// Runs the call and answers with what `render` makes of the rows, on a request thread. Errors are
// told in the exchange's style, their text index as `param`[index]. Adds to the answer: x-nestvec-
// tokenize-ms, -queue-ms, -compute-ms, -total-ms, x-nestvec-tokens and, where texts were cut,
// x-truncated-inputs ("0,4") and x-truncated-count. Counts the call in the metrics.
// `render` spends a step a number, so that it ends when nobody waits for the answer any more.
using RenderRows = std::function<HttpResponse(const Embeddings& rows, Pace& pace)>;
void run_embed(Exchange exchange, EmbedCall call, std::string_view param, RenderRows render);

// Metrics of a call that was answered, or failed, for routes that do not go through run_embed.
void count_texts(const Service& service, const EmbedCall& call, const Embeddings& rows);
void count_failed_call(const Service& service, const Error& error);

}  // namespace nestvec
