// SPDX-License-Identifier: Apache-2.0
// What all dialects' scoring routes come down to.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "nestvec/model.h"

namespace nestvec {

struct ScoreCall {
  // A text alone, or two that are read together.
  struct Pair {
    std::string first;
    std::optional<std::string> second = std::nullopt;
  };

  // Documents for a query; or, without documents, pairs.
  std::string query;
  std::vector<std::string> documents;
  std::vector<Pair> pairs;
  ScoreOptions options;
  std::string param = "documents";  // the member of the request that has the texts, for errors

  std::size_t size() const { return documents.empty() ? pairs.size() : documents.size(); }
};

// Bytes of a call's texts: of all of them, or of those that become tokens at the same time.
std::size_t text_bytes(const ScoreCall& call);
std::size_t text_bytes_at_once(const ScoreCall& call);

// The most that a query takes which is read again with each document, beside what is charged for
// the texts themselves: a short request can ask for many long pairs.
std::size_t bytes_of_pairs(const ScoreCall& call, const ModelInfo& model);

}  // namespace nestvec
