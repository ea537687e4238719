// SPDX-License-Identifier: Apache-2.0
// The index of a checkpoint in several files, of any bytes, names files of its own folder alone, or
// is refused in one line.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string_view>

#include "base/json.h"
#include "expect_one_line.h"
#include "nestvec/error.h"
#include "weights/shards.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    const auto document = nestvec::JsonDocument::parse(text, "model.safetensors.index.json");
    const std::filesystem::path folder = "/folder";
    for (const auto& [shard, names] : nestvec::parse_shard_index(document.root())) {
      const std::filesystem::path path = (folder / shard).lexically_normal();
      if (path.parent_path() != folder || path.filename() != shard) std::abort();
      if (shard.find('\0') != std::string::npos || names.empty()) std::abort();
    }
  } catch (const nestvec::Error& error) {
    if (error.code() != nestvec::ErrorCode::kInvalidArgument) std::abort();
    expect_one_line(error.what());
  }
  return 0;
}
