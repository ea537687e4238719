// SPDX-License-Identifier: Apache-2.0
#include "dialects/cohere/cohere.h"

#include <array>
#include <utility>

#include "base/excerpt.h"
#include "base/json.h"
#include "base/json_writer.h"
#include "dialects/not_done.h"
#include "dialects/side_vectors.h"
#include "service/served_models.h"

namespace nestvec {
namespace {

using Kind = JsonValue::Kind;

class CohereErrors final : public ErrorStyle {
 public:
  HttpResponse render(const Error& error) const override {
    HttpResponse response;
    response.status = http_status(error);
    JsonObject members(response.body);
    members.text("message", error.what());
    members.end();
    add_retry_after(error, response);
    return response;
  }
};

RequestError wrong_content(const JsonValue& value) {
  return RequestError(
      ErrorCode::kInvalidArgument,
      value.path() + ": expected {\"type\":\"text\",\"text\":...}; this model reads no images",
      value.path());
}

RequestError empty_error(const JsonValue& value) {
  return RequestError(ErrorCode::kInvalidArgument, value.path() + " is empty", value.path(),
                      Fault::kEmpty);
}

// The text of one of `inputs`: its contents, a line each.
std::string read_content(const JsonValue& input) {
  if (input.kind() != Kind::kObject) throw wrong_content(input);
  const JsonValue content = required_member(input, "content");
  if (content.kind() != Kind::kArray) throw wrong_content(content);
  std::string text;
  for (const JsonValue& part : content.elements()) {
    if (part.kind() != Kind::kObject || string_member(part, "type") != "text") {
      throw wrong_content(part);
    }
    if (!text.empty()) text.push_back('\n');
    text.append(read_string(required_member(part, "text")));
  }
  if (text.empty()) throw empty_error(input);
  return text;
}

// The elements of a member that must be a list of 1 to max_inputs of them.
std::vector<JsonValue> read_list(const JsonValue& list, const InputRules& rules,
                                 std::string_view of_what) {
  const std::size_t count = list.kind() == Kind::kArray ? list.size() : 0;
  if (count > 0 && count <= rules.max_inputs) return list.elements();
  throw RequestError(ErrorCode::kInvalidArgument,
                     list.path() + ": expected a list of 1 to " + std::to_string(rules.max_inputs) +
                         " " + std::string(of_what),
                     list.path());
}

std::string read_text(const JsonValue& value) {
  const std::string_view text = read_string(value);
  if (text.empty()) throw empty_error(value);
  return std::string(text);
}

void read_texts(const JsonValue& body, const InputRules& rules, EmbedCall& call) {
  const std::optional<JsonValue> texts = body.find("texts");
  const std::optional<JsonValue> inputs = body.find("inputs");
  if (texts.has_value() == inputs.has_value()) {
    throw RequestError(ErrorCode::kInvalidArgument,
                       "give either `texts` or `inputs`; this model reads no images", "texts",
                       texts ? Fault::kNone : Fault::kEmpty);
  }
  call.param = inputs ? "inputs" : "texts";
  if (inputs) {
    for (const JsonValue& input : read_list(*inputs, rules, "objects")) {
      call.texts.push_back(read_content(input));
    }
    return;
  }
  for (const JsonValue& text : read_list(*texts, rules, "strings")) {
    call.texts.push_back(read_text(text));
  }
}

Truncation read_truncate(const JsonValue& body, const InputRules& rules) {
  const std::optional<std::string_view> given = string_member(body, "truncate");
  if (!given) return rules.overlong;
  const std::string_view side = *given;
  if (side == "END") return Truncation::kRight;
  if (side == "START") return Truncation::kLeft;
  if (side == "NONE") return Truncation::kError;
  throw RequestError(ErrorCode::kInvalidArgument,
                     "truncate is " + excerpt(side) + "; it may be NONE, START or END", "truncate");
}

constexpr std::string_view kDimensions = "use `output_dimension`";
constexpr NotDone kNotDone[] = {
    {"prompt", "write it in front of each text, or name a task as input_type", is_empty},
    {"dimensions", kDimensions, is_never},
    {"dimension", kDimensions, is_never},
    {"truncate_dim", kDimensions, is_never},
    {"embedding_type", "use `embedding_types`", is_never},
    {"encoding_format", "use `embedding_types`", is_never},
    {"input", "this route reads `texts` or `inputs`", is_never},
};

void append_rows_as(const Embeddings& rows, EmbeddingFormat format, std::string& out, Pace& pace) {
  const std::array<EmbeddingFormat, 1> formats = {format};
  out.reserve(out.size() + rows.rows * (embedding_size(rows.width, formats) + 1));
  JsonArray list(out);
  for (std::size_t i = 0; i < rows.rows; ++i) {
    pace.spend(rows.width);
    append_embedding(rows.row(i), format, list.next());
  }
  list.end();
}

// A list of the rows' sparse vectors, or of their vectors of tokens.
template <typename Append>
void append_each(std::size_t rows, std::string& out, const Append& append) {
  JsonArray list(out);
  for (std::size_t i = 0; i < rows; ++i) append(i, list.next());
  list.end();
}

void append_types(const FormatChoice& types, const Embeddings& rows, std::string& out, Pace& pace) {
  JsonObject members(out);
  for (const EmbeddingFormat format : types.dense) {
    append_rows_as(rows, format, members.key(format_name(format)), pace);
  }
  if (types.sparse) {
    append_each(rows.rows, members.key("sparse"), [&](std::size_t i, std::string& entry) {
      append_sparse_vector(rows.sparse, i, entry, pace);
    });
  }
  if (types.multi_vector) {
    append_each(rows.rows, members.key("multivector"), [&](std::size_t i, std::string& entry) {
      append_multi_vector(rows.multi, i, token_vector_format(types.dense), entry, pace);
    });
  }
  members.end();
}

// Version 1 without types is a plain list of rows.
std::optional<FormatChoice> types_of(const JsonValue& body, int version) {
  const auto types = body.find("embedding_types");
  if (types) return read_format_choice(*types, "embedding_types");
  if (version > 1) return FormatChoice{.dense = {EmbeddingFormat::kFloat}};
  return std::nullopt;
}

std::vector<ModelKind> kinds_of_types(const JsonValue& body, int version) {
  const std::optional<FormatChoice> types = types_of(body, version);
  return types ? kinds_of(*types) : std::vector{ModelKind::kEmbed};
}

void append_meta(int version, const Embeddings& rows, std::string& out) {
  std::uint64_t tokens = 0;
  for (const std::uint32_t count : rows.tokens) tokens += count;
  JsonObject meta(out);
  JsonObject api(meta.key("api_version"));
  api.text("version", std::to_string(version));
  api.end();
  JsonObject units(meta.key("billed_units"));
  units.count("input_tokens", tokens);
  units.end();
  meta.end();
}

void embed(Exchange given, int version) {
  const JsonDocument document = read_json_body(*given.request);
  Exchange exchange = for_model(std::move(given), model_member(document.root()),
                                kinds_of_types(document.root(), version));
  CohereCall request = read_cohere(document.root(), version, input_rules(exchange));
  RenderRows render = [answer = CohereAnswer{version, exchange.request->id, request.call.texts,
                                             std::move(request.types)}](const Embeddings& rows,
                                                                        Pace& pace) {
    HttpResponse response;
    response.body = render_cohere(answer, rows, pace);
    return response;
  };
  run_embed(std::move(exchange), std::move(request.call), std::move(render));
}

}  // namespace

CohereCall read_cohere(const JsonValue& body, int version, const InputRules& rules) {
  CohereCall request;
  EmbedOptions& options = request.call.options;
  refuse_not_done(body, rules.model, kNotDone);
  std::string named = task_of_model(body, rules);
  options.task =
      resolve_task(string_member(body, "input_type").value_or(""), rules.model, "input_type");
  if (options.task.empty()) options.task = std::move(named);
  options.truncation = read_truncate(body, rules);
  if (const auto dimensions = body.find("output_dimension")) {
    options.dimensions = read_dimensions(*dimensions, rules.model, "output_dimension");
  }
  request.types = types_of(body, version);
  if (request.types) {
    check_formats(request.types->dense,
                  options.dimensions == 0 ? rules.model.dimensions : options.dimensions,
                  "embedding_types");
    ask_for(*request.types, options);
  }
  if (!options.dense && options.dimensions > 0) {
    throw RequestError(ErrorCode::kInvalidArgument,
                       "output_dimension is for dense vectors alone; leave it out",
                       "output_dimension");
  }
  read_texts(body, rules, request.call);
  return request;
}

std::string render_cohere(const CohereAnswer& answer, const Embeddings& rows, Pace& pace) {
  std::string out;
  JsonObject members(out);
  members.text("id", answer.id);
  if (answer.types) {
    append_types(*answer.types, rows, members.key("embeddings"), pace);
  } else {
    append_rows_as(rows, EmbeddingFormat::kFloat, members.key("embeddings"), pace);
  }
  members.texts("texts", answer.texts);
  append_meta(answer.version, rows, members.key("meta"));
  members.text("response_type", answer.types ? "embeddings_by_type" : "embeddings_floats");
  members.end();
  return out;
}

std::vector<Route> cohere_routes(const Service&) {
  const ErrorStyle* errors = &cohere_errors();
  return {
      {"POST", "/v2/embed", [](Exchange exchange) { embed(std::move(exchange), 2); }, errors},
      {"POST", "/v1/embed", [](Exchange exchange) { embed(std::move(exchange), 1); }, errors},
  };
}

const ErrorStyle& cohere_errors() {
  static const CohereErrors kStyle;
  return kStyle;
}

}  // namespace nestvec
