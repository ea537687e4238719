// SPDX-License-Identifier: Apache-2.0
// Answers of text-embeddings-inference's routes. No model is needed to write them.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "base/pace.h"
#include "nestvec/model.h"

namespace nestvec {

// All of these append JSON.

// About how much append_rows() writes for so many numbers: what to reserve.
std::size_t rows_size(std::size_t numbers);
// [[...],...]: a list of rows, shortest digits that read back as the same float.
void append_rows(std::span<const float> values, std::size_t width, std::string& out, Pace& pace);

// [...]: the product of row 0 with each of the others.
void append_similarities(const Embeddings& rows, std::string& out, Pace& pace);

// [{"id","text","special","start","stop"},...]: offsets in bytes of `text`, which is valid
// UTF-8, as text-embeddings-inference gives them; null for special tokens, whose text is what
// `name` gives.
using TokenName = std::function<std::string_view(std::uint32_t)>;
void append_tokens(std::string_view text, const TokenizedText& tokens, const TokenName& name,
                   std::string& out);

// A precision as PyTorch calls it: "float32" for "fp32".
std::string_view tei_dtype(std::string_view precision);

// What /info says besides the model.
struct TeiLimits {
  std::size_t max_concurrent_requests;
  std::size_t max_client_batch_size;
  std::string_view version;
  bool auto_truncate = true;  // texts over the limit are cut where a request does not say
};
// /info: the members that text-embeddings-inference has, then what it has no word for: dimensions,
// matryoshka_dimensions, tasks (name and prompt), multilingual (a guess), default_task, precision,
// isa, threads.
std::string render_info(const ModelInfo& model, const TeiLimits& limits);

}  // namespace nestvec
