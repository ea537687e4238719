// SPDX-License-Identifier: Apache-2.0
// A body of any bytes is a request for scores, in one of the forms of it, or a mistake of the
// client; and what is read has an answer in JSON.
#include <cmath>

#include "dialects/rerank/rerank.h"
#include "dialects/tei/tei_scores.h"
#include "made_up_model.h"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

// The first error must not keep the other readers from the body.
template <typename Read>
void attempt(Read read) {
  try {
    read();
  } catch (const nestvec::Error& error) {
    if (error.code() != nestvec::ErrorCode::kInvalidArgument) std::abort();
    expect_one_line_of_utf8(error.what());
  }
}

void check(const nestvec::ScoreCall& call, std::size_t most) {
  require(call.size() > 0 && call.size() <= most);
  require(call.documents.empty() || (call.pairs.empty() && !call.query.empty()));
  for (const std::string& text : call.documents) require(nestvec::is_valid_utf8(text));
  for (const nestvec::ScoreCall::Pair& pair : call.pairs) {
    require(nestvec::is_valid_utf8(pair.first));
    require(!pair.second || nestvec::is_valid_utf8(*pair.second));
  }
}

nestvec::CallRows scored(std::size_t rows) {
  nestvec::CallRows result;
  result.scores.rows = rows;
  result.scores.width = 1;
  for (std::size_t i = 0; i < rows; ++i) {
    result.scores.values.push_back(static_cast<float>(std::sin(static_cast<double>(i))));
  }
  result.rows.tokens.assign(rows, 7);
  return result;
}

nestvec::ModelInfo reranker() {
  nestvec::ModelInfo model = made_up_model();
  model.labels = {"LABEL_0"};
  return model;
}

void check_rerank(const nestvec::JsonValue& body, const nestvec::InputRules& rules) {
  const nestvec::RerankRequest request = nestvec::read_rerank(body, rules);
  const std::size_t count = request.call.size();
  check(request.call, rules.max_inputs);
  require(request.objects.size() == count);
  nestvec::RerankAnswer answer{.api = nestvec::RerankApi::kV1,
                               .id = "id",
                               .top = request.top,
                               .documents = request.call.documents,
                               .objects = request.objects};
  if (nestvec::is_weaviate_rerank(body)) answer.query = request.call.query;
  const std::string text = nestvec::render_rerank(answer, scored(count), rules.model);
  require(text.size() <= nestvec::most_of_rerank(answer, count) + rules.model.id.size());
  const nestvec::JsonDocument parsed = nestvec::JsonDocument::parse(text, "answer");
  const std::size_t results = parsed.root().at("results").size();
  require(results == (request.top == 0 ? count : std::min(request.top, count)));
}

void check_tei(const nestvec::JsonValue& body, const nestvec::InputRules& rules) {
  const nestvec::TeiRank rank = nestvec::read_tei_rank(body, rules);
  check(rank.call, rules.max_inputs);
  const std::string text =
      nestvec::render_tei_ranks(scored(rank.call.size()).scores, rank.call.documents);
  require(text.size() <= nestvec::most_of_ranks(rank.call, true));
  const auto answer = nestvec::JsonDocument::parse(text, "answer");
  require(answer.root().size() == rank.call.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return fuzz_body(data, size, [](const nestvec::JsonValue& body) {
    static const nestvec::ModelInfo kModel = reranker();
    const nestvec::InputRules rules{kModel, 16, {}};
    attempt([&] { check_rerank(body, rules); });
    attempt([&] { check_tei(body, rules); });
    attempt([&] { check(nestvec::read_score(body, rules), rules.max_inputs); });
    attempt([&] { check(nestvec::read_tei_predict(body, rules).call, rules.max_inputs); });
  });
}
