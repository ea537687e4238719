// SPDX-License-Identifier: Apache-2.0
// A config.yaml of any bytes is read or refused with the one error type; messages are one line of
// UTF-8.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/utf8.h"
#include "config/reader.h"
#include "nestvec/error.h"

namespace {

void check_message(std::string_view message) {
  for (const char c : message) {
    if (static_cast<unsigned char>(c) < 0x20) std::abort();
  }
  if (!nestvec::is_valid_utf8(message)) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    for (const std::string& warning : nestvec::parse_config(text, "config.yaml").warnings) {
      check_message(warning);
    }
  } catch (const nestvec::Error& error) {
    if (error.code() != nestvec::ErrorCode::kInvalidArgument) std::abort();
    check_message(error.what());
  }
  return 0;
}
