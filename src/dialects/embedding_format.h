// SPDX-License-Identifier: Apache-2.0
// The forms of vectors that a request asks for.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "nestvec/options.h"
#include "output/embedding_format.h"
#include "service/served_models.h"

namespace nestvec {

// The forms of dense vectors, and what else is wanted beside them: "sparse" and "multivector",
// which are no forms of a dense vector but vectors of their own.
struct FormatChoice {
  std::vector<EmbeddingFormat> dense = {};  // empty where no dense vectors are wanted
  bool sparse = false;
  bool multi_vector = false;
};

// A name or a list of names, without repetitions. Throws RequestError kInvalidArgument naming the
// valid ones.
FormatChoice read_format_choice(const JsonValue& value, std::string_view param);

// Whether `dimensions` can be written in all of them: bits need a multiple of eight. Throws
// RequestError kInvalidArgument otherwise.
void check_formats(std::span<const EmbeddingFormat> formats, std::size_t dimensions,
                   std::string_view param);

// What a model must give for it.
std::vector<ModelKind> kinds_of(const FormatChoice& choice);

// Asks for the vectors, all in one pass. Call it once `options` has everything else. Throws
// RequestError for what goes with dense vectors alone, where others are wanted.
void ask_for(const FormatChoice& choice, EmbedOptions& options);

}  // namespace nestvec
