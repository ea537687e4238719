// SPDX-License-Identifier: Apache-2.0
// Pairs of str to the outputs of a classifier.
#pragma once

#include <nanobind/nanobind.h>

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "encode.h"
#include "nestvec/model.h"

namespace nestvec {

struct ScoreArguments {
  ScoreOptions options;
  nanobind::object progress;  // called with the number of pairs that are done; or None
};

struct ScoreResult {
  FloatRows rows;  // [pairs, labels]
  std::vector<std::size_t> truncated;
};

// A query with each of the documents. Blocks without the GIL. Throws Error as Model::rerank, and
// nanobind::python_error as encode().
ScoreResult rerank(const Model& model, const std::string& query, nanobind::sequence documents,
                   ScoreArguments arguments);

// Text i of `firsts` alone, or with text i of `seconds`, which are as many. Blocks without the GIL.
// Throws Error as Model::classify, and nanobind::python_error as encode().
ScoreResult classify(const Model& model, nanobind::sequence firsts,
                     std::optional<nanobind::sequence> seconds, ScoreArguments arguments);

}  // namespace nestvec
