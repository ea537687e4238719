// SPDX-License-Identifier: Apache-2.0
#include "dialects/llama/llama.h"

#include <utility>

#include "base/json_writer.h"
#include "dialects/not_done.h"
#include "service/served_models.h"

namespace nestvec {
namespace {

// As llama.cpp numbers them; other norms than the Euclidean one are not done here.
bool read_normalize(const JsonValue& body) {
  constexpr std::int64_t kNone = -1;
  constexpr std::int64_t kEuclidean = 2;
  const std::int64_t norm = integer_member(body, "embd_normalize").value_or(kEuclidean);
  if (norm == kNone || norm == kEuclidean) return norm == kEuclidean;
  throw RequestError(
      ErrorCode::kInvalidArgument,
      "embd_normalize: expected 2 (vectors of length 1) or -1 (vectors as they are), "
      "found " +
          std::to_string(norm),
      "embd_normalize");
}

void embed_content(Exchange exchange) {
  const JsonDocument body = read_json_body(*exchange.request);
  answer_llama(std::move(exchange), body.root());
}

}  // namespace

bool is_llama_request(const JsonValue& body) { return body.find("content") && !body.find("input"); }

EmbedCall read_llama(const JsonValue& body, const InputRules& rules) {
  EmbedCall call;
  call.options.task = task_of_model(body, rules);
  call.options.normalize = read_normalize(body);
  call.options.truncation = rules.overlong;
  const std::string_view member = body.find("input") ? "input" : "content";
  constexpr NotDone kOther[] = {{"content", "give either `content` or `input`", is_never}};
  refuse_not_done(body, rules.model, std::span<const NotDone>(kOther, member == "input" ? 1 : 0));
  read_inputs(required_member(body, member), member, rules, call);
  return call;
}

std::string render_llama(const Embeddings& rows, Pace& pace) {
  constexpr std::size_t kEntry = 32;   // what stands around a vector
  constexpr std::size_t kNumber = 13;  // about
  std::string out;
  out.reserve(rows.rows * (kEntry + rows.width * kNumber));
  JsonArray list(out);
  for (std::size_t i = 0; i < rows.rows; ++i) {
    pace.spend(rows.width + 1);
    JsonObject entry(list.next());
    entry.count("index", i);
    JsonArray vectors(entry.key("embedding"));
    append_json_numbers(rows.row(i), vectors.next());
    vectors.end();
    entry.end();
  }
  list.end();
  return out;
}

void answer_llama(Exchange given, const JsonValue& body) {
  Exchange exchange = for_model(std::move(given), model_member(body), ModelKind::kEmbed);
  EmbedCall call = read_llama(body, input_rules(exchange));
  run_embed(std::move(exchange), std::move(call), [](const Embeddings& rows, Pace& pace) {
    HttpResponse response;
    response.body = render_llama(rows, pace);
    return response;
  });
}

std::vector<Route> llama_routes(const Service&) {
  return {{"POST", "/embedding", embed_content, &openai_errors()}};
}

}  // namespace nestvec
