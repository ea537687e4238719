// SPDX-License-Identifier: Apache-2.0
// A config.json of any bytes gives a spec whose sizes fit together, or an error of one line.
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
    if (spec.heads == 0 || spec.hidden % spec.heads != 0 || spec.layers == 0) std::abort();
    if (spec.max_positions == 0 || spec.vocabulary == 0 || spec.token_types == 0) std::abort();
    if (!spec.adapters.tasks.empty() && spec.adapters.rank == 0) std::abort();
  } catch (const nestvec::Error& error) {
    const bool expected = error.code() == nestvec::ErrorCode::kInvalidArgument ||
                          error.code() == nestvec::ErrorCode::kUnimplemented;
    if (!expected) std::abort();
    expect_one_line(error.what());
  }
  return 0;
}
