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

// Bytes of those of a call's texts that become tokens at the same time, at most.
std::size_t text_bytes_at_once(const ScoreCall& call);

}  // namespace nestvec
