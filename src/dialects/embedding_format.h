// SPDX-License-Identifier: Apache-2.0
// The forms of vectors that a request asks for.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "output/embedding_format.h"

namespace nestvec {

// A name or a list of names, without repetitions. Throws RequestError kInvalidArgument naming the
// valid ones.
std::vector<EmbeddingFormat> read_formats(const JsonValue& value, std::string_view param);

// The same with "sparse", which is no form of a dense vector but a vector of its own.
struct FormatChoice {
  std::vector<EmbeddingFormat> dense;  // empty where only sparse vectors are wanted
  bool sparse = false;
};
FormatChoice read_format_choice(const JsonValue& value, std::string_view param);

// Whether `dimensions` can be written in all of them: bits need a multiple of eight. Throws
// RequestError kInvalidArgument otherwise.
void check_formats(std::span<const EmbeddingFormat> formats, std::size_t dimensions,
                   std::string_view param);

}  // namespace nestvec
