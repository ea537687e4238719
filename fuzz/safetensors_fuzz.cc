// SPDX-License-Identifier: Apache-2.0
// A safetensors file of any bytes is read or refused; what is read lies inside the file.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "expect_one_line.h"
#include "expect_tensors_inside.h"
#include "nestvec/error.h"
#include "weights/safetensors.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span<const std::byte> file = std::as_bytes(std::span(data, size));
  try {
    expect_tensors_inside(file, nestvec::parse_safetensors(file, "m.safetensors"));
  } catch (const nestvec::Error& error) {
    if (error.code() != nestvec::ErrorCode::kDataLoss) std::abort();
    expect_one_line(error.what());
  }
  return 0;
}
