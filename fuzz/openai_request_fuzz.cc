// SPDX-License-Identifier: Apache-2.0
// The body of POST /v1/embeddings: refused with a 4xx that says why, or answered with JSON that has
// a vector for each text. Chunks lie in their documents in order.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/utf8.h"
#include "dialects/openai/openai_request.h"
#include "expect_one_line.h"

namespace {

using nestvec::Embeddings;
using nestvec::InputRules;
using nestvec::JsonDocument;
using nestvec::ModelInfo;
using nestvec::OpenAiRequest;

void require(bool holds) {
  if (!holds) std::abort();
}

ModelInfo small_model() {
  ModelInfo model;
  model.id = "model";
  model.dimensions = 16;
  model.vocabulary = 256;
  model.default_task = "text-matching";
  model.tasks = {{"retrieval.query", ""}, {"text-matching", ""}};
  return model;
}

// A token for each character.
nestvec::TokenizedText tokenize(std::string_view text) {
  nestvec::TokenizedText tokens;
  for (std::uint32_t i = 0; i < text.size();) {
    const std::uint32_t length = nestvec::decode_utf8(text.substr(i)).length;
    tokens.offsets.emplace_back(i, i + length);
    i += length;
  }
  return tokens;
}

std::string decode(std::span<const std::uint32_t> ids) {
  std::string text;
  for (const std::uint32_t id : ids) nestvec::append_utf8(id, text);
  return text;
}

void check_places(const OpenAiRequest& request) {
  require(request.places.size() == (request.chunking ? request.call.texts.size() : 0));
  for (std::size_t i = 0; i < request.places.size(); ++i) {
    const nestvec::ChunkPlace& place = request.places[i];
    // Only a document without characters has a chunk without any.
    require(place.start < place.end || (place.end == 0 && request.call.texts[i].empty()));
    const bool first = i == 0 || request.places[i - 1].document != place.document;
    require(place.chunk == (first ? 0 : request.places[i - 1].chunk + 1));
    require(place.start == (first ? 0 : request.places[i - 1].end));
  }
}

void answer(const OpenAiRequest& request, const ModelInfo& model) {
  Embeddings rows;
  rows.rows = request.call.texts.size();
  rows.width =
      request.call.options.dimensions > 0 ? request.call.options.dimensions : model.dimensions;
  rows.values.assign(rows.rows * rows.width, -0.25f);
  rows.tokens.assign(rows.rows, 3);
  rows.truncated = {0};
  nestvec::Pace pace;
  const JsonDocument document =
      JsonDocument::parse(nestvec::render_openai(request, rows, model, pace), "answer");
  require(document.root().at("data").size() == rows.rows);
}

void refused(const nestvec::Error& error) {
  const nestvec::HttpResponse response = nestvec::openai_errors().render(error);
  require(response.status == 400 || response.status == 422);
  expect_one_line_of_utf8(error.what());
  const JsonDocument document = JsonDocument::parse(response.body, "answer");
  require(document.root().at("error").at("message").string() == error.what());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const ModelInfo kModel = small_model();
  const InputRules rules{kModel, 64, decode};
  nestvec::HttpRequest request;
  request.body.assign(reinterpret_cast<const char*>(data), size);
  try {
    const JsonDocument body = nestvec::read_json_body(request);
    OpenAiRequest parsed = nestvec::read_openai_request(body.root(), rules);
    nestvec::Pace pace;
    nestvec::cut_documents(parsed, rules, tokenize, pace);
    require(!parsed.call.texts.empty() && parsed.call.texts.size() <= rules.max_inputs);
    require(parsed.call.tasks.empty() || parsed.call.tasks.size() == parsed.call.texts.size());
    for (const std::string& text : parsed.call.texts) require(nestvec::is_valid_utf8(text));
    check_places(parsed);
    answer(parsed, kModel);
  } catch (const nestvec::Error& error) {
    refused(error);
  }
  return 0;
}
