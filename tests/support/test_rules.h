// SPDX-License-Identifier: Apache-2.0
// For tests of request parsers: a made-up model, and what a parser throws for a body.
#pragma once

#include <optional>
#include <string>

#include "dialects/inputs.h"

namespace nestvec {

// Five tasks of which two are of interest, 64 dimensions, 128 tokens, eight inputs a request.
class TestRules {
 public:
  TestRules() {
    model_.id = "test-model";
    model_.family = "jina-embeddings-v3";
    model_.graph = "native";
    model_.precision = "bf16";
    model_.isa = "avx512";
    model_.pooling = "mean";
    model_.dimensions = 64;
    model_.matryoshka_dimensions = {32, 64};
    model_.max_tokens = 128;
    model_.max_batch_tokens = 256;
    model_.vocabulary = 100;
    model_.threads = 2;
    model_.memory_plan_bytes = 1000;
    model_.default_task = "text-matching";
    model_.tasks = {{"retrieval.query", "Query: "},
                    {"retrieval.passage", "Passage: "},
                    {"separation", ""},
                    {"classification", ""},
                    {"text-matching", ""}};
  }

  const ModelInfo& model() const { return model_; }
  // Token ids become "<id,id>".
  InputRules rules() const {
    return {model_, 8, [](std::span<const std::uint32_t> ids) {
              std::string text = "<";
              for (const std::uint32_t id : ids) text += std::to_string(id) + ",";
              text.back() = '>';
              return text;
            }};
  }

 private:
  ModelInfo model_;
};

// What a reader of requests throws; nullopt where it throws nothing.
template <typename Read>
std::optional<RequestError> request_error(Read read) {
  try {
    read();
  } catch (const RequestError& error) {
    return error;
  } catch (const Error& error) {
    return RequestError(error.code(), error.what(), "(not a RequestError)");
  }
  return std::nullopt;
}

}  // namespace nestvec
