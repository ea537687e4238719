// SPDX-License-Identifier: Apache-2.0
// Chat templates: whatever they are, they are read or refused, and a pair that is laid out has its
// query in it.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "nestvec/error.h"
#include "text/chat_template.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view source(reinterpret_cast<const char*>(data), size);
  try {
    const auto pair = nestvec::parse_pair_template(source);
    if (pair && pair->head_of("\x01", "\x02").find('\x01') == std::string::npos) std::abort();
    nestvec::parse_chat_template(source);
  } catch (const nestvec::Error&) {
  }
  return 0;
}
