// SPDX-License-Identifier: Apache-2.0
#include "pack_rows.h"

#include <algorithm>
#include <memory>
#include <span>

#include "nestvec/error.h"
#include "output/embedding_format.h"
#include "released_gil.h"

namespace nb = nanobind;

namespace nestvec {

PackedRows pack_rows(const RowsToPack& rows, const std::string& dtype) {
  const std::optional<EmbeddingFormat> format = find_array_format(dtype);
  if (!format) {
    throw Error(ErrorCode::kInvalidArgument,
                "precision is \"" + dtype + "\"; expected " + array_format_names());
  }
  const std::size_t width = rows.shape(1);
  check_format(*format, width);
  const FormatFacts& facts = facts_of(*format);
  const std::size_t row_bytes = facts.packs_bits ? width / 8 : width * facts.value_bytes;
  auto bytes = std::make_unique_for_overwrite<std::uint8_t[]>(rows.shape(0) * row_bytes);
  {
    const ReleasedGil release;
    for (std::size_t i = 0; i < rows.shape(0); ++i) {
      const ArrayRow packed = pack_row({rows.data() + i * width, width}, *format);
      std::copy(packed.bytes.begin(), packed.bytes.end(), bytes.get() + i * row_bytes);
    }
  }
  std::uint8_t* data = bytes.get();
  const nb::capsule owner(data, [](void* p) noexcept { delete[] static_cast<std::uint8_t*>(p); });
  bytes.release();
  return PackedRows(data, {rows.shape(0), row_bytes}, owner);
}

}  // namespace nestvec
