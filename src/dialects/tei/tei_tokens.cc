// SPDX-License-Identifier: Apache-2.0
// Tokens and their vectors: /embed_all, /tokenize, /decode; and /info.
#include <algorithm>
#include <utility>

#include "base/json_writer.h"
#include "dialects/not_done.h"
#include "dialects/tei/tei_handlers.h"
#include "dialects/tei/tei_render.h"
#include "dialects/tei/tei_request.h"
#include "output/vector.h"
#include "service/http_call.h"
#include "service/request_memory.h"
#include "service/served_models.h"

namespace nestvec {
namespace {

// An answer in JSON takes about a dozen bytes for each number.
constexpr std::size_t kMaxNumbers = std::size_t{4} << 20;
constexpr std::size_t kMaxTokens = std::size_t{1} << 20;
// And a token some seventy, beside its text, which may be escaped.
constexpr std::size_t kTokenBytes = 80;
constexpr std::size_t kEscaped = 6;

// One text at the model's limit is always answered.
std::size_t number_limit(const ModelInfo& model) {
  return std::max(kMaxNumbers, model.max_tokens * most_dimensions(model));
}

// At least twice what there was, so that texts in any number are copied but a few times.
void reserve_more(std::string& body, std::size_t bytes) {
  const std::size_t needed = body.size() + bytes;
  if (needed > body.capacity()) body.reserve(std::max(needed, 2 * body.capacity()));
}

HttpResponse render_tokens(const std::vector<TokenEmbeddings>& parts, Pace& pace) {
  HttpResponse response;
  std::size_t numbers = 0;
  for (const TokenEmbeddings& part : parts) numbers += part.values.size();
  response.body.reserve(rows_size(numbers) + parts.size());
  JsonArray texts(response.body);
  for (const TokenEmbeddings& part : parts) {
    append_rows(part.values, part.width, texts.next(), pace);
  }
  texts.end();
  return response;
}

}  // namespace

void tei_embed_all(Exchange given, const SharedTeMetrics& metrics) {
  const JsonDocument document = read_json_body(*given.request);
  Exchange exchange = for_model(std::move(given), model_member(document.root()), ModelKind::kEmbed);
  const InputRules rules = tei_input_rules(exchange);
  constexpr NotDone kNotOfTokens[] = {
      {"dimensions", "vectors of tokens are not cut; leave it out", is_never},
      {"normalize", "vectors of tokens are not normalised; leave it out", is_false},
  };
  refuse_not_done(document.root(), rules.model, kNotOfTokens);
  if (const auto parameters = document.root().find("parameters")) {
    if (parameters->kind() == JsonValue::Kind::kObject) {
      refuse_not_done(*parameters, rules.model, kNotOfTokens);
    }
  }
  TeiInputs inputs = tei_counted_inputs(document.root(), rules, *metrics);
  inputs.call.token_vectors = true;
  inputs.call.max_numbers = number_limit(rules.model);
  const TeiReceipt receipt{metrics, exchange.request, inputs.batch, inputs.characters};
  std::vector<EmbedCall> calls;
  calls.push_back(std::move(inputs.call));
  run_calls(std::move(exchange), std::move(calls),
            [receipt](std::span<const CallRows> rows, Pace& pace) {
              HttpResponse response = render_tokens(rows.front().tokens, pace);
              receipt.settle(rows.front().rows, response);
              return response;
            });
}

void tei_tokenize(Exchange given) {
  const JsonDocument document = read_json_body(*given.request);
  const Exchange exchange =
      for_model(std::move(given), model_member(document.root()), ModelKind::kAny);
  const Model& model = exchange.service.model;
  const TokenizeCall call = read_tokenize(document.root(), input_rules(exchange));
  const RunControl control = control_of(exchange);
  Pace pace(control);
  const TokenizeOptions options{
      .add_special = call.add_special, .stop = control.stop, .deadline = control.deadline};
  const TokenName name = [&model](std::uint32_t id) { return model.token(id); };
  const auto& account = exchange.request->account;
  const std::size_t held = RequestMemory::held_reading(exchange.request->body.size());
  const MemoryShare reading =
      memory_for_texts(account, call.texts, RequestMemory::kTokenizing, false, held);
  MemoryShare memory;
  std::size_t tokens = 0;
  HttpResponse response;
  JsonArray texts(response.body);
  for (const std::string& text : call.texts) {
    const TokenizedText tokenized = model.tokenize(text, options);
    tokens += tokenized.ids.size();
    if (tokens > kMaxTokens) {
      throw RequestError(
          ErrorCode::kInvalidArgument,
          "`inputs` have more than " + std::to_string(kMaxTokens) +
              " tokens, the limit of an answer; send fewer or shorter inputs at once",
          "inputs");
    }
    pace.spend(tokenized.ids.size());
    const std::size_t most = tokenized.ids.size() * kTokenBytes + text.size() * kEscaped;
    const HeldMemory so_far{.work = held + reading.bytes(), .answer = memory.bytes()};
    if (const auto more = memory_for_answer(account, most, so_far)) memory.absorb(std::move(*more));
    reserve_more(response.body, most);
    append_tokens(text, tokenized, name, texts.next());
  }
  texts.end();
  response.memory = std::make_shared<MemoryShare>(std::move(memory));
  exchange.respond(std::move(response));
}

void tei_decode(Exchange given) {
  const JsonDocument document = read_json_body(*given.request);
  const Exchange exchange =
      for_model(std::move(given), model_member(document.root()), ModelKind::kAny);
  const DecodeCall call = read_decode(document.root(), input_rules(exchange));
  const RunControl control = control_of(exchange);
  const DecodeOptions options{
      .skip_special = call.skip_special, .stop = control.stop, .deadline = control.deadline};
  HttpResponse response;
  JsonArray texts(response.body);
  // Repaired: ids in any order may decode to parts of characters.
  for (const auto& ids : call.ids) texts.text(exchange.service.model.decode(ids, options));
  texts.end();
  exchange.respond(std::move(response));
}

void tei_info(const Exchange& exchange) {
  const Service& service = exchange.service;
  HttpResponse response;
  const ServerOptions& options = service.options;
  response.body = render_info(service.model.info(),
                              {options.max_connections, options.max_inputs, service.version,
                               overlong_of(options) != Truncation::kError});
  exchange.respond(std::move(response));
}

}  // namespace nestvec
