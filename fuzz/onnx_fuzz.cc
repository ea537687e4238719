// SPDX-License-Identifier: Apache-2.0
// An ONNX file of any bytes is read or refused; the initializers that are read lie inside the file.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "nestvec/error.h"
#include "weights/onnx_initializers.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span<const std::byte> file = std::as_bytes(std::span(data, size));
  try {
    for (const auto& initializer : nestvec::parse_onnx_initializers(file, "m.onnx")) {
      const std::span<const std::byte> bytes = initializer.tensor.bytes;
      if (bytes.empty()) continue;  // external, or no elements
      if (bytes.data() < file.data() || bytes.data() + bytes.size() > file.data() + file.size()) {
        std::abort();
      }
    }
  } catch (const nestvec::Error& error) {
    if (error.code() != nestvec::ErrorCode::kDataLoss) std::abort();
    for (const char* c = error.what(); *c != '\0'; ++c) {
      if (static_cast<unsigned char>(*c) < 0x20) std::abort();
    }
  }
  return 0;
}
