// SPDX-License-Identifier: Apache-2.0
// Tokens and their vectors: /embed_all, /tokenize, /decode; and /info.
#include <algorithm>
#include <atomic>
#include <utility>

#include "base/json.h"
#include "base/utf8.h"
#include "dialects/tei/tei_handlers.h"
#include "dialects/tei/tei_render.h"
#include "dialects/tei/tei_request.h"
#include "service/embed_call.h"
#include "service/embed_run.h"
#include "service/gather.h"
#include "service/request_memory.h"

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
  return std::max(kMaxNumbers, model.max_tokens * model.dimensions);
}

Error too_many_numbers(std::size_t limit) {
  return Error(ErrorCode::kInvalidArgument,
               "the token vectors of these inputs are more than " + std::to_string(limit) +
                   " numbers, the limit of an answer; send fewer or shorter inputs at once");
}

// At least twice what there was, so that texts in any number are copied but a few times.
void reserve_more(std::string& body, std::size_t bytes) {
  const std::size_t needed = body.size() + bytes;
  if (needed > body.capacity()) body.reserve(std::max(needed, 2 * body.capacity()));
}

HttpResponse render_tokens(const std::vector<TokenEmbeddings>& parts, Pace& pace) {
  HttpResponse response;
  response.body.push_back('[');
  for (const TokenEmbeddings& part : parts) {
    if (response.body.size() > 1) response.body.push_back(',');
    append_rows(part.values, part.width, response.body, pace);
  }
  response.body.push_back(']');
  return response;
}

// What the texts took, in the form that metrics and headers read.
Embeddings summary(const std::vector<TokenEmbeddings>& parts) {
  Embeddings sum;
  sum.rows = parts.size();
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const TokenEmbeddings& part = parts[i];
    sum.tokens.push_back(static_cast<std::uint32_t>(part.tokens));
    if (part.truncated) sum.truncated.push_back(static_cast<std::uint32_t>(i));
    sum.timing.tokenize += part.timing.tokenize;
    sum.timing.queue = std::max(sum.timing.queue, part.timing.queue);
    sum.timing.compute = std::max(sum.timing.compute, part.timing.compute);
  }
  return sum;
}

using TokenRows = std::vector<TokenEmbeddings>;

Gather<TokenEmbeddings>::Done answer_tokens(const Exchange& exchange, const TeiReceipt& receipt,
                                            std::shared_ptr<const EmbedCall> call) {
  return [exchange, receipt, call = std::move(call)](Result<TokenRows> result) {
    exchange.attempt([&] {
      if (!result.ok()) count_failed_call(exchange.service, result.error());
      const auto parts = std::make_shared<Result<TokenRows>>(std::move(result));
      exchange.answer_later([&service = exchange.service, receipt, call, parts] {
        Pace pace(RunControl{call->options.stop, call->options.deadline});
        std::size_t numbers = 0;
        for (const TokenEmbeddings& part : parts->value()) numbers += part.values.size();
        auto memory = memory_for_numbers(service.memory, numbers);
        HttpResponse response = render_tokens(parts->value(), pace);
        response.memory = std::move(memory);
        const Embeddings sum = summary(parts->value());
        add_call_headers(*receipt.request, sum, response);
        receipt.settle(sum, response);
        count_texts(service, *call, sum);
        return response;
      });
    });
  };
}

}  // namespace

// NOLINTNEXTLINE(performance-unnecessary-value-param): the type of a handler
void tei_embed_all(Exchange exchange, const SharedTeMetrics& metrics) {
  const JsonDocument document = read_json_body(*exchange.request);
  const InputRules rules = input_rules(exchange);
  TeiInputs inputs = tei_counted_inputs(document.root(), rules, *metrics);
  apply_exchange(exchange, inputs.call.options);

  const TeiReceipt receipt{metrics, exchange.request, inputs.batch, inputs.characters};
  const auto call = std::make_shared<const EmbedCall>(std::move(inputs.call));
  const MemoryShare reading =
      memory_for_texts(exchange.service.memory, call->texts, RequestMemory::kTokenizing);
  const auto gather = std::make_shared<Gather<TokenEmbeddings>>(
      call->texts.size(), exchange.service.post, exchange.request->stop,
      answer_tokens(exchange, receipt, call));
  end_at_deadline(exchange.service.after, call->options.deadline, gather);
  const auto numbers = std::make_shared<std::atomic<std::size_t>>(0);
  const std::size_t limit = number_limit(rules.model);
  for (std::size_t i = 0; i < call->texts.size() && !gather->ended(); ++i) {
    EmbedOptions options = part_options(call->options, i, *gather);
    if (!call->tasks.empty() && !call->tasks[i].empty()) options.task = call->tasks[i];
    exchange.service.model.tokenize_and_embed_async(
        call->texts[i], options, [gather, i, numbers, limit](Result<TokenEmbeddings> part) {
          if (!part.ok()) return gather->put(i, of_text(i, part.error()));
          const std::size_t count = part.value().values.size();
          if (numbers->fetch_add(count) + count > limit) {
            return gather->put(i, too_many_numbers(limit));
          }
          gather->put(i, std::move(part));
        });
  }
}

// NOLINTNEXTLINE(performance-unnecessary-value-param): the type of a handler
void tei_tokenize(Exchange exchange) {
  const JsonDocument document = read_json_body(*exchange.request);
  const Model& model = exchange.service.model;
  const TokenizeCall call = read_tokenize(document.root(), input_rules(exchange));
  const RunControl control = control_of(exchange);
  Pace pace(control);
  const TokenizeOptions options{
      .add_special = call.add_special, .stop = control.stop, .deadline = control.deadline};
  const TokenName name = [&model](std::uint32_t id) { return model.token(id); };
  const auto& account = exchange.service.memory;
  const MemoryShare reading = memory_for_texts(account, call.texts, RequestMemory::kTokenizing);
  MemoryShare memory;
  std::size_t tokens = 0;
  HttpResponse response;
  response.body.push_back('[');
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
    if (response.body.size() > 1) response.body.push_back(',');
    pace.spend(tokenized.ids.size());
    const std::size_t most = tokenized.ids.size() * kTokenBytes + text.size() * kEscaped;
    if (const auto more = memory_for_answer(account, most)) memory.absorb(std::move(*more));
    reserve_more(response.body, most);
    append_tokens(text, tokenized, name, response.body);
  }
  response.body.push_back(']');
  response.memory = std::make_shared<MemoryShare>(std::move(memory));
  exchange.respond(std::move(response));
}

// NOLINTNEXTLINE(performance-unnecessary-value-param): the type of a handler
void tei_decode(Exchange exchange) {
  const JsonDocument document = read_json_body(*exchange.request);
  const DecodeCall call = read_decode(document.root(), input_rules(exchange));
  const RunControl control = control_of(exchange);
  const DecodeOptions options{
      .skip_special = call.skip_special, .stop = control.stop, .deadline = control.deadline};
  HttpResponse response;
  response.body.push_back('[');
  for (const std::vector<std::uint32_t>& ids : call.ids) {
    if (response.body.size() > 1) response.body.push_back(',');
    const std::string text = exchange.service.model.decode(ids, options);
    std::string repaired;  // ids in any order may decode to parts of characters
    append_json_string(repair_utf8(text, repaired), response.body);
  }
  response.body.push_back(']');
  exchange.respond(std::move(response));
}

void tei_info(const Exchange& exchange) {
  const Service& service = exchange.service;
  HttpResponse response;
  response.body = render_info(service.model.info(), {service.options.max_connections,
                                                     service.options.max_inputs, service.version});
  exchange.respond(std::move(response));
}

}  // namespace nestvec
