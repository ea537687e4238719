// SPDX-License-Identifier: Apache-2.0
#include "dialects/rerank/rerank_request.h"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <utility>

#include "dialects/not_done.h"

namespace nestvec {
namespace {

using Kind = JsonValue::Kind;

RequestError refused(const std::string& param, std::string_view expected) {
  return {ErrorCode::kInvalidArgument, param + ": expected " + std::string(expected), param};
}

RequestError empty_member(const std::string& param) {
  return {ErrorCode::kInvalidArgument, param + " is empty", param, Fault::kEmpty};
}

constexpr std::string_view kDocuments = "this route reads `query` and `documents`";
constexpr NotDone kNotOfRerank[] = {
    {"input", kDocuments, is_never},
    {"passages", kDocuments, is_never},
    {"sentences", kDocuments, is_never},
    {"return_embeddings", "a reranker has no vectors", is_false},
    {"truncate_prompt_tokens",
     "pairs are cut at the model's limit only; documents by max_tokens_per_doc", is_model_limit},
};
constexpr NotDone kNotOfScore[] = {
    {"truncate_prompt_tokens", "pairs are cut at the model's limit only", is_model_limit},
};

// The two names of one flag, of which the second may mean the opposite.
std::optional<bool> flag_of(const JsonValue& body, std::string_view name, std::string_view other,
                            bool opposite) {
  const std::optional<bool> own = bool_member(body, name);
  std::optional<bool> others = bool_member(body, other);
  if (others && opposite) others = !*others;
  if (own && others) require_agreement(*others, other, *own, name);
  return own ? own : others;
}

// return_documents. RAGFlow's class for Xinference writes its booleans as texts.
bool wants_documents(const JsonValue& body) {
  const std::optional<JsonValue> value = body.find("return_documents");
  if (!value) return false;
  if (value->kind() != Kind::kString) return read_bool(*value);
  if (value->string() == "true") return true;
  if (value->string() == "false") return false;
  throw refused("return_documents", "true or false");
}

// The two names of a count from `least` on; nullopt where there is none.
std::optional<std::size_t> count_of(const JsonValue& body, std::string_view name,
                                    std::string_view other, std::int64_t least) {
  std::optional<std::size_t> found;
  for (const std::string_view member : {name, other}) {
    const std::optional<JsonValue> value = body.find(member);
    if (!value) continue;
    const double number = read_whole(*value);
    if (number < static_cast<double>(least)) {
      throw refused(std::string(member), "a whole number from " + std::to_string(least) + " on");
    }
    constexpr double kMost = std::numeric_limits<std::uint32_t>::max();
    const auto count = static_cast<std::size_t>(std::min(number, kMost));
    if (found) require_agreement(count, member, *found, name);
    found = count;
  }
  return found;
}

ScoreOptions options_of(const JsonValue& body, const InputRules& rules) {
  ScoreOptions options;
  options.truncation = read_pair_truncation(body, rules);
  options.max_document_tokens =
      count_of(body, "max_tokens_per_doc", "max_doc_length", 1).value_or(0);
  options.best_window = bool_member(body, "best_window").value_or(false);
  options.instruction = read_instruction(body);
  options.activation = wants_raw_scores(body) ? ScoreActivation::kNone : ScoreActivation::kSigmoid;
  task_of_model(body, rules);  // server.strict_model
  return options;
}

// A text, or the one of {"text": ...}.
std::string_view read_text(const JsonValue& value) {
  if (value.kind() == Kind::kString) return value.string();
  if (value.kind() == Kind::kObject) {
    if (const auto text = string_member(value, "text")) return *text;
  }
  throw refused(value.path(), "a string or {\"text\": ...}");
}

std::vector<std::string> rank_fields_of(const JsonValue& body) {
  constexpr std::size_t kMost = 100;
  const std::optional<JsonValue> value = body.find("rank_fields");
  if (!value) return {};
  const std::size_t count = value->kind() == Kind::kArray ? value->size() : 0;
  if (count == 0 || count > kMost) throw refused("rank_fields", "a list of 1 to 100 names");
  std::vector<std::string> fields;
  for (const JsonValue& name : value->elements()) fields.emplace_back(read_string(name));
  return fields;
}

// The values of the fields that a document has, a line each.
std::string read_fields(const JsonValue& document, std::span<const std::string> fields) {
  std::string text;
  bool found = false;
  for (const std::string& field : fields) {
    const auto value = string_member(document, field);
    if (!value) continue;
    if (found) text.push_back('\n');
    text.append(*value);
    found = true;
  }
  if (!found) throw refused(document.path(), "one of the fields that rank_fields names");
  return text;
}

// The elements of a list that must have 1 to max_inputs.
std::vector<JsonValue> read_list(const JsonValue& list, const InputRules& rules) {
  if (list.kind() != Kind::kArray) {
    throw refused(list.path(), "a list of strings or of {\"text\": ...}");
  }
  const std::size_t count = list.size();
  if (count == 0) throw empty_member(list.path());
  if (count > rules.max_inputs) {
    throw RequestError(ErrorCode::kInvalidArgument,
                       list.path() + " has " + std::to_string(count) + " items, at most " +
                           std::to_string(rules.max_inputs) + " are accepted in a request",
                       list.path());
  }
  return list.elements();
}

void read_documents(const JsonValue& body, const InputRules& rules, RerankRequest& request) {
  const std::vector<std::string> fields = rank_fields_of(body);
  const std::vector<JsonValue> documents = read_list(required_member(body, "documents"), rules);
  request.call.documents.reserve(documents.size());
  request.objects.reserve(documents.size());
  for (const JsonValue& document : documents) {
    const bool is_object = document.kind() == Kind::kObject;
    request.objects.push_back(is_object);
    request.call.documents.push_back(is_object && !fields.empty()
                                         ? read_fields(document, fields)
                                         : std::string(read_text(document)));
  }
}

// vLLM's names for the two sides of its pairs.
constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kSides = {{
    {"queries", "documents"},
    {"queries", "items"},
    {"data_1", "data_2"},
    {"text_1", "text_2"},
}};

std::pair<JsonValue, JsonValue> find_sides(const JsonValue& body) {
  std::optional<std::pair<JsonValue, JsonValue>> found;
  for (const auto& [first, second] : kSides) {
    const auto one = body.find(first);
    const auto other = body.find(second);
    if (!one || !other) continue;
    if (found) {
      throw RequestError(ErrorCode::kInvalidArgument,
                         std::string(second) + ": give the texts under one pair of names",
                         std::string(second));
    }
    found.emplace(*one, *other);
  }
  if (found) return *std::move(found);
  throw RequestError(ErrorCode::kInvalidArgument,
                     "give `queries` and `documents`, or `text_1` and `text_2`", "queries",
                     Fault::kEmpty);
}

// One text, or a list.
std::vector<std::string> read_side(const JsonValue& side, const InputRules& rules) {
  std::vector<std::string> texts;
  if (side.kind() != Kind::kArray) {
    texts.emplace_back(read_text(side));
  } else {
    for (const JsonValue& text : read_list(side, rules)) texts.emplace_back(read_text(text));
  }
  return texts;
}

}  // namespace

Truncation read_pair_truncation(const JsonValue& body, const InputRules& rules) {
  const std::optional<bool> cuts = flag_of(body, "truncate", "truncation", false);
  if (cuts) return *cuts ? Truncation::kRight : Truncation::kError;
  return body.find("truncate_prompt_tokens") ? Truncation::kRight : rules.overlong;
}

bool wants_raw_scores(const JsonValue& body) {
  return flag_of(body, "raw_scores", "use_activation", true).value_or(false);
}

RerankRequest read_rerank(const JsonValue& body, const InputRules& rules) {
  RerankRequest request;
  refuse_not_done(body, rules.model, kNotOfRerank);
  request.call.query = read_text(required_member(body, "query"));
  if (request.call.query.empty()) throw empty_member("query");
  read_documents(body, rules, request);
  request.top = count_of(body, "top_n", "top_k", 0).value_or(0);
  request.return_documents = wants_documents(body);
  count_of(body, "max_chunks_per_doc", "max_chunks_per_doc", 1);  // its type is checked
  request.call.options = options_of(body, rules);
  return request;
}

bool is_weaviate_rerank(const JsonValue& body) {
  const std::size_t property = body.find("property") ? 1 : 0;
  return body.find("query") && body.find("documents") && body.size() == 2 + property;
}

ScoreCall read_score(const JsonValue& body, const InputRules& rules) {
  refuse_not_done(body, rules.model, kNotOfScore);
  ScoreCall call;
  const auto [first, second] = find_sides(body);
  call.param = second.path();
  std::vector<std::string> ones = read_side(first, rules);
  std::vector<std::string> others = read_side(second, rules);
  call.options = options_of(body, rules);
  if (ones.size() == 1) {
    call.query = std::move(ones.front());
    if (call.query.empty()) throw empty_member(first.path());
    call.documents = std::move(others);
    return call;
  }
  if (ones.size() != others.size()) {
    throw refused(second.path(), "as many texts as " + first.path() + " has (" +
                                     std::to_string(ones.size()) + "), found " +
                                     std::to_string(others.size()));
  }
  call.pairs.reserve(ones.size());
  for (std::size_t i = 0; i < ones.size(); ++i) {
    if (ones[i].empty()) throw empty_member(first.path() + "[" + std::to_string(i) + "]");
    call.pairs.push_back({std::move(ones[i]), std::move(others[i])});
  }
  return call;
}

}  // namespace nestvec
