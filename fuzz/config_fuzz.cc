// SPDX-License-Identifier: Apache-2.0
// A config.yaml of any bytes is read or refused with the one error type; messages are one line of
// UTF-8.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "config/reader.h"
#include "expect_one_line.h"
#include "nestvec/error.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    for (const std::string& warning : nestvec::parse_config(text, "config.yaml").warnings) {
      expect_one_line_of_utf8(warning);
    }
  } catch (const nestvec::Error& error) {
    if (error.code() != nestvec::ErrorCode::kInvalidArgument) std::abort();
    expect_one_line_of_utf8(error.what());
  }
  return 0;
}
