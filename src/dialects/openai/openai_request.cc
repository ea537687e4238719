// SPDX-License-Identifier: Apache-2.0
#include "dialects/openai/openai_request.h"

#include <algorithm>
#include <span>
#include <utility>

#include "base/excerpt.h"
#include "base/json_writer.h"
#include "dialects/not_done.h"
#include "dialects/side_vectors.h"
#include "service/request_memory.h"
#include "text/chunking.h"

namespace nestvec {
namespace {

using Kind = JsonValue::Kind;

RequestError wrong_value(std::string_view param, std::string_view found,
                         std::string_view expected) {
  return {ErrorCode::kInvalidArgument,
          std::string(param) + ": expected " + std::string(expected) + ", found " + excerpt(found),
          std::string(param)};
}

// embedding_type (Jina; encoding_type is its older name) and output_dtype (Voyage, Mistral) go
// before encoding_format, which OpenAI's clients send unasked.
// All that are given are checked, so that a slip is seen whichever counts.
FormatChoice named_formats(const JsonValue& body, std::optional<std::size_t> dimensions) {
  std::optional<FormatChoice> chosen;
  for (const std::string_view name :
       {"embedding_type", "encoding_type", "output_dtype", "encoding_format"}) {
    if (const auto value = body.find(name)) {
      FormatChoice formats = read_format_choice(*value, name);
      if (dimensions) check_formats(formats.dense, *dimensions, name);
      if (!chosen) chosen = std::move(formats);
    }
  }
  return chosen.value_or(FormatChoice{.dense = {EmbeddingFormat::kFloat}});
}

struct Formats {
  FormatChoice choice;
  EmbeddingFormat of_tokens = EmbeddingFormat::kFloat;
};

// With return_multivector (Jina), and on a route for them, vectors of tokens take the place of the
// dense one and have its form, unless the formats name "multivector".
Formats formats_of(const JsonValue& body, OpenAiVectors usual,
                   std::optional<std::size_t> dimensions = std::nullopt) {
  const bool of_tokens =
      bool_member(body, "return_multivector").value_or(usual == OpenAiVectors::kOfTokens);
  Formats formats{.choice = named_formats(body, dimensions)};
  FormatChoice& choice = formats.choice;
  formats.of_tokens = token_vector_format(choice.dense);
  if (!of_tokens || choice.multi_vector) return formats;
  choice.multi_vector = true;
  for (const EmbeddingFormat form : std::exchange(choice.dense, {})) {
    if (form == EmbeddingFormat::kFloat || form == EmbeddingFormat::kBase64) continue;
    throw wrong_value("embedding_type", format_name(form),
                      "\"float\" or \"base64\" for vectors of tokens");
  }
  return formats;
}

// Only dense vectors are cut, and only they have a length other than 1 on request.
void refuse_for_others(const JsonValue& body, const EmbedOptions& options) {
  if (options.dense) return;
  const auto refuse = [](std::string_view member) {
    throw RequestError(ErrorCode::kInvalidArgument,
                       std::string(member) + " is for dense vectors alone; leave it out",
                       std::string(member));
  };
  if (options.dimensions > 0) {
    refuse(body.find("dimensions") ? "dimensions" : "output_dimension");
  }
  if (options.multi_vector && options.normalize == false) refuse("normalized");
}

// Which end a text that is too long loses: vLLM's truncation_side.
Truncation truncation_side_of(const JsonValue& body) {
  const std::string_view side = string_member(body, "truncation_side").value_or("right");
  if (side == "right") return Truncation::kRight;
  if (side == "left") return Truncation::kLeft;
  throw wrong_value("truncation_side", side, "\"right\" or \"left\"");
}

// vLLM's: tokens that are kept of a text, -1 = as many as the model takes.
std::optional<Truncation> truncated_prompt_of(const JsonValue& body, const ModelInfo& model) {
  const auto tokens = body.find("truncate_prompt_tokens");
  if (!tokens) return std::nullopt;
  if (!is_model_limit(*tokens, model)) {
    throw RequestError(ErrorCode::kInvalidArgument,
                       "truncate_prompt_tokens: expected -1, or the model's limit of " +
                           std::to_string(model.max_tokens) + ": texts are cut there only",
                       "truncate_prompt_tokens");
  }
  return truncation_side_of(body);
}

// true and false as Jina has them (Voyage says truncation); NONE, START and END as NIM and Cohere
// do.
Truncation truncation_of(const JsonValue& body, const InputRules& rules) {
  const auto vllm = truncated_prompt_of(body, rules.model);
  const Truncation side = truncation_side_of(body);
  const Truncation usual =
      rules.overlong == Truncation::kError && !vllm ? Truncation::kError : side;
  const auto truncation = bool_member(body, "truncation");
  const auto value = body.find("truncate");
  if (!value) return truncation ? (*truncation ? side : Truncation::kError) : usual;
  const bool is_text = value->kind() == Kind::kString;
  if (truncation) {
    const bool cuts = is_text ? value->string() != "NONE" : read_bool(*value);
    require_agreement(*truncation, "truncation", cuts, "truncate");
  }
  if (!is_text) return read_bool(*value) ? side : Truncation::kError;
  const std::string_view name = value->string();
  if (name == "NONE") return Truncation::kError;
  if (name == "START") return Truncation::kLeft;
  if (name == "END") return Truncation::kRight;
  throw wrong_value("truncate", name, "true, false, \"NONE\", \"START\" or \"END\"");
}

// The task of the members that have one, else the one behind the model's name.
std::string task_of(const JsonValue& body, const InputRules& rules) {
  const auto task = string_member(body, "task");
  std::string chosen = task ? resolve_task(*task, rules.model, "task") : "";
  if (const auto type = string_member(body, "input_type")) {
    std::string resolved = resolve_task(*type, rules.model, "input_type");
    if (!chosen.empty() && !resolved.empty()) {
      require_agreement(resolved, "input_type", chosen, "task");
    }
    if (chosen.empty()) chosen = std::move(resolved);
  }
  chosen = with_prompt_name(std::move(chosen), body, rules.model);
  std::string named = task_of_model(body, rules);
  return chosen.empty() ? named : chosen;
}

// normalized (Jina), normalize and use_activation (vLLM's old and new name for it),
// normalize_embeddings (sentence-transformers).
std::optional<bool> normalized_of(const JsonValue& body) {
  std::optional<bool> chosen;
  std::string_view by;
  for (const std::string_view name :
       {"normalized", "normalize", "use_activation", "normalize_embeddings"}) {
    const auto value = bool_member(body, name);
    if (!value) continue;
    if (chosen) require_agreement(*value, name, *chosen, by);
    chosen = value;
    by = name;
  }
  return chosen;
}

constexpr std::string_view kDimensions = "use `dimensions`";
constexpr std::string_view kInput = "this route reads `input`";
bool is_read(const JsonValue&, const ModelInfo&) { return true; }

constexpr NotDone kNotDone[] = {
    {"return_multivector", "", is_read},
    {"prompt", kUsePromptName, is_empty},
    {"truncate_dim", kDimensions, is_never},
    {"dimension", kDimensions, is_never},
    {"dims", kDimensions, is_never},
    {"embedding_types", "use `embedding_type`", is_never},
    {"texts", kInput, is_never},
    {"inputs", kInput, is_never},
    {"contents", kInput, is_never},
    {"sentences", kInput, is_never},
};

// Infinity's client, which is told by the modality that it always sends, has 0 for all of them.
bool is_infinitys_none(const JsonValue& dimensions, const JsonValue& body) {
  return body.find("modality") && dimensions.whole_number() == 0;
}

// 0 = all of them.
std::size_t dimensions_of(const JsonValue& body, const ModelInfo& model) {
  constexpr std::string_view kOther = "output_dimension";  // Voyage's name
  auto own = body.find("dimensions");
  if (own && is_infinitys_none(*own, body)) own.reset();
  const auto other = body.find(kOther);
  const std::size_t dimensions = own ? read_dimensions(*own, model, "dimensions") : 0;
  if (!other) return dimensions;
  const std::size_t others = read_dimensions(*other, model, kOther);
  if (own) require_agreement(others, kOther, dimensions, "dimensions");
  return others;
}

std::optional<Chunking> chunking_of(const JsonValue& body) {
  const auto value = body.find("chunking");
  if (!value) return std::nullopt;
  if (value->kind() != Kind::kObject) {
    throw RequestError(ErrorCode::kInvalidArgument,
                       "chunking: expected {\"by\": \"sentence\" or \"tokens\", \"size\": n}",
                       "chunking");
  }
  constexpr std::int64_t kMostSize = 1 << 20;
  constexpr std::int64_t kUsualTokens = 256;
  Chunking chunking;
  const std::string_view by = string_member(*value, "by").value_or("sentence");
  if (by != "sentence" && by != "tokens") {
    throw wrong_value("chunking.by", by, "\"sentence\" or \"tokens\"");
  }
  chunking.by = by == "tokens" ? Chunking::By::kTokens : Chunking::By::kSentence;
  const std::int64_t size =
      integer_member(*value, "size").value_or(by == "tokens" ? kUsualTokens : 1);
  if (size < 1 || size > kMostSize) {
    throw wrong_value("chunking.size", std::to_string(size),
                      "a whole number from 1 to " + std::to_string(kMostSize));
  }
  chunking.size = static_cast<std::size_t>(size);
  return chunking;
}

// Late chunking has a vector for each chunk with a token of its own, seen as the model will read
// them: behind the task's prompt, parted by spaces.
std::vector<ByteSpan> with_tokens(std::string_view text, std::span<const ByteSpan> chunks,
                                  const std::string& prompt, const Tokenize& tokenize, Pace& pace) {
  std::string joined = prompt;
  ChunkTokens tokens{.begin = prompt.size(), .ends = {}, .offsets = {}};
  for (const ByteSpan& chunk : chunks) {
    if (!tokens.ends.empty()) joined += ' ';
    joined += trim(text, chunk, pace).of(text);
    tokens.ends.push_back(joined.size());
  }
  const TokenizedText tokenized = tokenize(joined);
  tokens.offsets = tokenized.offsets;
  return merge_without_tokens(chunks, tokens, pace);
}

void cut_document(const std::string& text, std::span<const ByteSpan> chunks, OpenAiRequest& request,
                  Pace& pace) {
  CodePointCounter code_points(text);
  const std::size_t document = request.call.documents.size();
  for (std::size_t i = 0; i < chunks.size(); ++i) {
    const std::size_t start = code_points.at(chunks[i].begin);
    request.places.push_back({document, i, start, code_points.at(chunks[i].end)});
    request.call.texts.emplace_back(trim(text, chunks[i], pace).of(text));
  }
  request.call.documents.push_back(chunks.size());
}

std::string input_name(std::size_t index) { return "input[" + std::to_string(index) + "]"; }

std::string task_or_default(const std::string& task, const OpenAiRequest& request,
                            const ModelInfo& model) {
  if (!task.empty()) return task;
  return request.call.options.task.empty() ? model.default_task : request.call.options.task;
}

// The one that all texts have; empty where they differ, or name none.
std::string common_task(const EmbedCall& call) {
  if (call.tasks.empty()) return "";
  const std::string& first = call.tasks.front();
  const bool common =
      std::ranges::all_of(call.tasks, [&](const auto& task) { return task == first; });
  return common ? first : "";
}

}  // namespace

std::vector<ModelKind> wanted_kinds(const JsonValue& body, OpenAiVectors usual) {
  return kinds_of(formats_of(body, usual).choice);
}

OpenAiRequest read_openai_request(const JsonValue& body, const InputRules& rules,
                                  OpenAiVectors usual) {
  OpenAiRequest request;
  EmbedOptions& options = request.call.options;
  refuse_not_done(body, rules.model, kNotDone);
  options.task = task_of(body, rules);
  options.dimensions = dimensions_of(body, rules.model);
  Formats formats =
      formats_of(body, usual, options.dimensions > 0 ? options.dimensions : rules.model.dimensions);
  options.normalize = normalized_of(body);
  options.late_chunking = bool_member(body, "late_chunking").value_or(false);
  ask_for(formats.choice, options);
  refuse_for_others(body, options);
  request.formats = std::move(formats.choice.dense);
  request.token_format = formats.of_tokens;
  options.truncation = truncation_of(body, rules);
  request.chunking = chunking_of(body);
  read_inputs(required_member(body, "input"), "input", rules, request.call);
  if (options.late_chunking && !request.chunking && !request.call.tasks.empty()) {
    throw RequestError(ErrorCode::kInvalidArgument,
                       "late_chunking reads all inputs as one text, which has one task; leave the "
                       "tasks of items out",
                       "late_chunking");
  }
  return request;
}

void cut_documents(OpenAiRequest& request, const InputRules& rules, const Tokenize& tokenize,
                   Pace& pace) {
  if (!request.chunking) return;
  const std::vector<std::string> documents = std::exchange(request.call.texts, {});
  const std::vector<std::string> tasks = std::exchange(request.call.tasks, {});
  for (std::size_t i = 0; i < documents.size(); ++i) {
    const std::string& text = documents[i];
    std::vector<ByteSpan> chunks =
        request.chunking->by == Chunking::By::kSentence
            ? chunk_by_sentences(text, request.chunking->size, pace)
            : chunk_by_tokens(text, tokenize(text).offsets, request.chunking->size, pace);
    // Nothing to be seen is a text like any other.
    if (chunks.empty()) chunks.push_back({0, text.size()});
    if (request.call.options.late_chunking && chunks.size() > 1) {
      const std::string task = task_or_default(tasks.empty() ? "" : tasks[i], request, rules.model);
      chunks = with_tokens(text, chunks, prompt_of(task, rules.model), tokenize, pace);
    }
    if (chunks.size() + request.call.texts.size() > rules.max_inputs) {
      const std::string which = i == 0 ? input_name(0) + " has"
                                       : input_name(0) + " to " + input_name(i) + " together have";
      throw RequestError(ErrorCode::kInvalidArgument,
                         which + " more than " + std::to_string(rules.max_inputs) +
                             " chunks, the most that one request can return; make chunks larger or "
                             "send fewer documents",
                         input_name(i));
    }
    cut_document(text, chunks, request, pace);
    if (!tasks.empty()) request.call.tasks.resize(request.call.texts.size(), tasks[i]);
  }
}

OpenAiRequest open_openai_request(const JsonValue& body, const Service& service,
                                  const Caller& caller, OpenAiVectors usual) {
  const RunControl control = control_of(caller, service.options);
  const InputRules rules = input_rules(service, control);
  OpenAiRequest request = read_openai_request(body, rules, usual);
  if (!request.chunking) return request;
  const MemoryShare cutting = memory_for_texts(caller.memory, request.call.texts,
                                               RequestMemory::kCutting, false, caller.held);
  Pace pace(control);
  const TokenizeOptions options{
      .add_special = false, .stop = control.stop, .deadline = control.deadline};
  cut_documents(
      request, rules, [&](std::string_view text) { return service.model.tokenize(text, options); },
      pace);
  return request;
}

EmbedCall take_call(OpenAiRequest& request) {
  std::vector<std::string> texts = std::exchange(request.call.texts, {});
  EmbedCall call = request.call;
  call.texts = std::move(texts);
  return call;
}

std::string render_openai(const OpenAiRequest& request, const Embeddings& rows,
                          const ModelInfo& model, Pace& pace) {
  constexpr std::size_t kEntry = 64;  // what stands around a vector
  const EmbedCall& call = request.call;
  std::string out;
  out.reserve(256 + rows.rows * (kEntry + embedding_size(rows.width, request.formats)));
  JsonObject body(out);
  body.text("object", "list");
  JsonArray data(body.key("data"));
  for (std::size_t i = 0; i < rows.rows; ++i) {
    pace.spend(rows.width * request.formats.size() + 1);
    JsonObject entry(data.next());
    entry.text("object", "embedding");
    entry.count("index", i);
    if (!request.places.empty()) {
      entry.count("document", request.places[i].document);
      entry.count("chunk", request.places[i].chunk);
      entry.count("start", request.places[i].start);
      entry.count("end", request.places[i].end);
    }
    if (!call.tasks.empty()) entry.text("task", task_or_default(call.tasks[i], request, model));
    if (call.options.dense) append_embedding(rows.row(i), request.formats, entry.key("embedding"));
    if (call.options.sparse) append_sparse_vector(rows.sparse, i, entry.key("sparse"), pace);
    if (call.options.multi_vector) {
      append_multi_vector(rows.multi, i, request.token_format, entry.key("embeddings"), pace);
    }
    entry.end();
  }
  data.end();
  body.text("model", model.id);
  std::size_t tokens = 0;
  for (const std::uint32_t count : rows.tokens) tokens += count;
  JsonObject usage(body.key("usage"));
  usage.count("prompt_tokens", tokens);
  usage.count("total_tokens", tokens);
  usage.end();
  if (!model.tasks.empty()) body.text("task", task_or_default(common_task(call), request, model));
  if (!rows.truncated.empty()) {
    JsonArray truncated(body.key("truncated"));
    for (const std::uint32_t index : rows.truncated) truncated.count(index);
    truncated.end();
  }
  body.end();
  return out;
}

}  // namespace nestvec
