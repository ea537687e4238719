// SPDX-License-Identifier: Apache-2.0
#include "dialects/side_vectors.h"

#include <algorithm>

#include "base/json.h"
#include "base/json_writer.h"

namespace nestvec {

void append_sparse_vector(const SparseVectors& rows, std::size_t row, std::string& out,
                          Pace& pace) {
  const std::size_t begin = rows.starts[row];
  const std::size_t count = rows.starts[row + 1] - begin;
  pace.spend(count);
  JsonObject vector(out);
  JsonArray indices(vector.key("indices"));
  for (const std::uint32_t index : std::span(rows.indices).subspan(begin, count)) {
    indices.count(index);
  }
  indices.end();
  append_json_numbers(std::span(rows.weights).subspan(begin, count), vector.key("values"));
  vector.end();
}

EmbeddingFormat token_vector_format(std::span<const EmbeddingFormat> dense) {
  const bool coded = std::ranges::find(dense, EmbeddingFormat::kBase64) != dense.end();
  return coded ? EmbeddingFormat::kBase64 : EmbeddingFormat::kFloat;
}

void append_multi_vector(const MultiVectors& rows, std::size_t row, EmbeddingFormat format,
                         std::string& out, Pace& pace) {
  JsonArray vectors(out);
  for (std::size_t i = rows.starts[row]; i < rows.starts[row + 1]; ++i) {
    pace.spend(rows.width);
    append_embedding(std::span(rows.values).subspan(i * rows.width, rows.width), format,
                     vectors.next());
  }
  vectors.end();
}

}  // namespace nestvec
