// SPDX-License-Identifier: Apache-2.0
// A checkpoint of any bytes is read and written back the same, or is data loss told in one line.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "bulk/checkpoint.h"
#include "expect_one_line.h"
#include "nestvec/error.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    const nestvec::Checkpoint checkpoint = nestvec::parse_checkpoint(text, "file");
    const std::string written = nestvec::write_checkpoint(checkpoint);
    if (nestvec::parse_checkpoint(written, "file") != checkpoint) std::abort();
  } catch (const nestvec::Error& error) {
    if (error.code() != nestvec::ErrorCode::kDataLoss) std::abort();
    expect_one_line(error.what());
  }
  return 0;
}
