// SPDX-License-Identifier: Apache-2.0
// A nestvec.json of any bytes gives a manifest that is written and read back the same, or an error
// of one line.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "compile/manifest.h"
#include "expect_one_line.h"
#include "nestvec/error.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    const std::string written = nestvec::write_manifest(nestvec::parse_manifest(text, "file"));
    if (nestvec::write_manifest(nestvec::parse_manifest(written, "file")) != written) std::abort();
  } catch (const nestvec::Error& error) {
    const bool expected = error.code() == nestvec::ErrorCode::kDataLoss ||
                          error.code() == nestvec::ErrorCode::kFailedPrecondition;
    if (!expected) std::abort();
    expect_one_line(error.what());
  }
  return 0;
}
