// SPDX-License-Identifier: Apache-2.0
// An adapter_config.json of any bytes gives ranks and scalings that can be used for every module,
// or an error of one line.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/json.h"
#include "expect_one_line.h"
#include "nestvec/error.h"
#include "weights/peft_adapter.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    const auto document = nestvec::JsonDocument::parse(text, "adapter_config.json");
    const nestvec::PeftConfig config = nestvec::parse_peft_config(document.root());
    for (const char* module : {"", "query", "base_model.model.encoder.layer.0.attention.self.query",
                               "base_model.model.layers.11.mlp.down_proj"}) {
      const std::size_t rank = config.rank_of(module);
      if (rank < 1 || rank > config.largest_rank() || rank > 1024) std::abort();
      if (!std::isfinite(config.scaling_of(module))) std::abort();
      config.targets(module);
    }
  } catch (const nestvec::Error& error) {
    if (error.code() != nestvec::ErrorCode::kInvalidArgument &&
        error.code() != nestvec::ErrorCode::kUnimplemented) {
      std::abort();
    }
    expect_one_line(error.what());
  }
  return 0;
}
