// SPDX-License-Identifier: Apache-2.0
// A torch file of any bytes is read or refused; what is read lies inside the file.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "expect_one_line.h"
#include "nestvec/error.h"
#include "weights/torch_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span<const std::byte> file = std::as_bytes(std::span(data, size));
  try {
    for (const nestvec::TensorView& tensor : nestvec::parse_torch_file(file, "m.pt")) {
      const std::byte* end = file.data() + file.size();
      if (tensor.bytes.data() < file.data() || tensor.bytes.data() + tensor.bytes.size() > end) {
        std::abort();
      }
      std::uint64_t elements = 1;
      for (const std::int64_t extent : tensor.shape) elements *= static_cast<std::uint64_t>(extent);
      if (elements != tensor.elements()) std::abort();
    }
  } catch (const nestvec::Error& error) {
    if (error.code() != nestvec::ErrorCode::kDataLoss &&
        error.code() != nestvec::ErrorCode::kUnimplemented) {
      std::abort();
    }
    expect_one_line(error.what());
  }
  return 0;
}
