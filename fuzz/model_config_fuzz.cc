// SPDX-License-Identifier: Apache-2.0
// A config.json of any bytes gives a spec whose sizes fit together, or an error of one line.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/json.h"
#include "compile/model_spec.h"
#include "expect_one_line.h"
#include "nestvec/error.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    const auto document = nestvec::JsonDocument::parse(text, "config.json");
    const nestvec::ModelSpec spec = nestvec::parse_model_spec(document.root());
    if (spec.heads == 0 || spec.layers == 0) std::abort();
    if (spec.block.head_width == 0 && spec.hidden % spec.heads != 0) std::abort();
    if (spec.max_positions == 0 || spec.vocabulary == 0) std::abort();
    const std::size_t frequencies = spec.rotary_frequencies.size();
    if (frequencies != 0 && frequencies != spec.head_width() / 2) std::abort();
    const auto finite = [](float value) { return std::isfinite(value); };
    if (!std::ranges::all_of(spec.rotary_frequencies, finite)) std::abort();
    if (!finite(spec.rotary_magnitude)) std::abort();
    // Of the other family with tasks, ranks stand in folders beside config.json.
    const bool has_ranks = spec.family != "jina-embeddings-v5";
    if (has_ranks && !spec.adapters.tasks.empty() && spec.adapters.rank == 0) std::abort();
    if (!finite(spec.adapters.scaling) || !finite(spec.score_scale)) std::abort();
    if (!finite(spec.embedding_scale)) std::abort();
  } catch (const nestvec::Error& error) {
    const bool expected = error.code() == nestvec::ErrorCode::kInvalidArgument ||
                          error.code() == nestvec::ErrorCode::kUnimplemented;
    if (!expected) std::abort();
    expect_one_line(error.what());
  }
  return 0;
}
