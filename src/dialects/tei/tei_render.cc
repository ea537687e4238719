// SPDX-License-Identifier: Apache-2.0
#include "dialects/tei/tei_render.h"

#include <numeric>

#include "base/json.h"
#include "base/json_writer.h"
#include "base/multilingual.h"
#include "base/utf8.h"

namespace nestvec {
namespace {

// Bytes of a number in JSON, mostly: what to reserve.
constexpr std::size_t kNumberBytes = 14;

void append_tasks(std::span<const TaskInfo> tasks, std::string& out) {
  JsonArray list(out);
  for (const TaskInfo& info : tasks) {
    JsonObject task(list.next());
    task.text("name", info.name);
    task.text("prompt", info.prompt);
    task.end();
  }
  list.end();
}

// {"reranker":{"id2label":{"0":"LABEL"},"label2id":{"LABEL":0}}}, or "classifier"; of an embedding
// model {"embedding":{"pooling":...}}.
void append_type(const ModelInfo& model, std::string& out) {
  JsonObject type(out);
  if (model.labels.empty()) {
    JsonObject embedding(type.key("embedding"));
    const bool splade = !model.dense && model.sparse;
    const std::string_view pooling =
        model.pooling == "lasttoken" ? "last_token" : std::string_view(model.pooling);
    embedding.text("pooling", splade ? "splade" : pooling);
    embedding.end();
  } else {
    JsonObject labels(type.key(model.labels.size() == 1 ? "reranker" : "classifier"));
    JsonObject by_id(labels.key("id2label"));
    for (std::size_t i = 0; i < model.labels.size(); ++i) {
      by_id.text(std::to_string(i), model.labels[i]);
    }
    by_id.end();
    JsonObject by_label(labels.key("label2id"));
    for (std::size_t i = 0; i < model.labels.size(); ++i) by_label.count(model.labels[i], i);
    by_label.end();
    labels.end();
  }
  type.end();
}

void append_extensions(const ModelInfo& model, JsonObject& members) {
  members.count("dimensions", model.dimensions);
  members.counts("matryoshka_dimensions", model.matryoshka_dimensions);
  append_tasks(model.tasks, members.key("tasks"));
  members.text("default_task", model.default_task);
  members.boolean("multilingual", is_multilingual(model.vocabulary));
  members.text("precision", model.precision);
  members.text("isa", model.isa);
  members.count("threads", model.threads);
}

}  // namespace

std::size_t rows_size(std::size_t numbers) { return numbers * kNumberBytes + 2; }

void append_rows(std::span<const float> values, std::size_t width, std::string& out, Pace& pace) {
  out.reserve(out.size() + rows_size(values.size()));
  out.push_back('[');
  for (std::size_t start = 0; start < values.size(); start += width) {
    pace.spend(width);
    if (start > 0) out.push_back(',');
    append_json_numbers(values.subspan(start, width), out);
  }
  out.push_back(']');
}

void append_similarities(const Embeddings& rows, std::string& out, Pace& pace) {
  const std::span<const float> source = rows.row(0);
  std::vector<float> products;
  products.reserve(rows.rows);
  for (std::size_t i = 1; i < rows.rows; ++i) {
    pace.spend(rows.width);
    const std::span<const float> row = rows.row(i);
    products.push_back(
        static_cast<float>(std::inner_product(source.begin(), source.end(), row.begin(), 0.0)));
  }
  append_json_numbers(products, out);
}

void append_tokens(std::string_view text, const TokenizedText& tokens, const TokenName& name,
                   std::string& out) {
  out.push_back('[');
  for (std::size_t i = 0; i < tokens.ids.size(); ++i) {
    if (i > 0) out.push_back(',');
    const bool special = tokens.special[i] != 0;
    const auto [start, stop] = tokens.offsets[i];
    JsonObject token(out);
    token.count("id", tokens.ids[i]);
    std::string repaired;  // a token may be a part of a character
    token.text("text", repair_utf8(special ? name(tokens.ids[i]) : text.substr(start, stop - start),
                                   repaired));
    token.boolean("special", special);
    token.raw("start", special ? "null" : std::to_string(start));
    token.raw("stop", special ? "null" : std::to_string(stop));
    token.end();
  }
  out.push_back(']');
}

std::string_view tei_dtype(std::string_view precision) {
  if (precision == "bf16") return "bfloat16";
  return precision == "fp32" ? "float32" : precision;
}

std::string render_info(const ModelInfo& model, const TeiLimits& limits) {
  std::string out;
  JsonObject members(out);
  members.text("model_id", model.id);
  members.null("model_sha");
  members.text("model_dtype", tei_dtype(model.precision));
  members.text("served_model_name", model.id);
  append_type(model, members.key("model_type"));
  members.count("max_concurrent_requests", limits.max_concurrent_requests);
  members.count("max_input_length", model.max_tokens);
  members.count("max_batch_tokens", model.max_batch_tokens);
  members.null("max_batch_requests");
  members.count("max_client_batch_size", limits.max_client_batch_size);
  members.boolean("auto_truncate", limits.auto_truncate);
  members.count("tokenization_workers", model.threads);
  members.text("version", limits.version);
  members.null("sha");
  members.null("docker_label");
  append_extensions(model, members);
  members.end();
  return out;
}

}  // namespace nestvec
