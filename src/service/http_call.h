// SPDX-License-Identifier: Apache-2.0
// Routes that ask the model: an exchange as a ModelCall.
#pragma once

#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "base/pace.h"
#include "service/caller.h"
#include "service/embed_call.h"
#include "service/model_call.h"
#include "service/router.h"

namespace nestvec {

// The exchange's caller, with x-request-timeout-ms as the deadline and x-nestvec-priority. Throws
// RequestError for a header that does not parse.
Caller caller_of(const Exchange& exchange);

// The same as far as options and control are concerned.
RunControl control_of(const Exchange& exchange);
void apply_exchange(const Exchange& exchange, EmbedOptions& options);

// Runs the call and answers with what `render` makes of the rows, on a request thread. Errors are
// told in the exchange's style, their text index as call.param[index]. Adds to the answer:
// x-nestvec- tokenize-ms, -queue-ms, -compute-ms, -total-ms, x-nestvec-tokens and, where texts were
// cut, x-truncated-inputs ("0,4") and x-truncated-count. Throws as caller_of, and what starts a
// ModelCall. `render` spends a step a number, so that it ends when nobody waits for the answer any
// more.
using RenderRows = std::function<HttpResponse(const Embeddings& rows, Pace& pace)>;
void run_embed(Exchange exchange, EmbedCall call, RenderRows render);

// The same for several calls that have one answer. Precondition: there is one.
using RenderCalls = std::function<HttpResponse(std::span<const CallRows> rows, Pace& pace)>;
void run_calls(Exchange exchange, std::vector<EmbedCall> calls, RenderCalls render);

// The same for scores; CallRows::scores has them. `most` is the most bytes that the answer may
// have.
using RenderScores = std::function<HttpResponse(const CallRows& scored, Pace& pace)>;
void run_scores(Exchange exchange, ScoreCall call, std::size_t most, RenderScores render);

// Adds what every answer tells: x-nestvec-tokens, -tokenize-ms, -queue-ms, -compute-ms, -total-ms
// and, where texts were cut, x-truncated-inputs (the first 100 indices) and x-truncated-count.
void add_call_headers(const HttpRequest& request, const Embeddings& rows, HttpResponse& response);

}  // namespace nestvec
