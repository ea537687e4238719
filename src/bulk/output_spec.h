// SPDX-License-Identifier: Apache-2.0
// What a bulk run writes, and the names of its files.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "output/embedding_format.h"

namespace nestvec {

enum class VectorFormat {
  kNpy,        // NumPy's .npy version 1.0, [rows, width]
  kRaw,        // little-endian float32 without a header
  kJsonLines,  // {"index":i,"id":...,"embedding":[...]} a line; of sparse vectors "sparse"
  kNpz,        // of sparse vectors: SciPy's csr_matrix [rows, vocabulary]
};

// "npy", "raw", "jsonl", "npz"; the forms of arrays by their dtype. Throw Error kInvalidArgument
// listing them.
VectorFormat parse_vector_format(std::string_view name);
EmbeddingFormat parse_value_type(std::string_view name);
std::string_view value_type_name(EmbeddingFormat type);
std::string_view vector_format_name(VectorFormat format);

// By what the path ends in: .npy, .jsonl or .ndjson, .f32 or .raw, .npz. Of any other nothing, or
// Error kInvalidArgument.
std::optional<VectorFormat> find_vector_format(std::string_view path);
VectorFormat guess_vector_format(std::string_view path);

struct OutputSpec {
  std::string path;
  VectorFormat format = VectorFormat::kNpy;
  EmbeddingFormat type = EmbeddingFormat::kFloat;
  bool sparse = false;  // sparse vectors in place of dense ones

  // Throws Error kInvalidArgument for a type that the format does not have, and for sparse vectors
  // in a format for dense ones.
  void check() const;
  bool has_ids_file() const { return format != VectorFormat::kJsonLines; }
  bool has_scales() const { return facts_of(type).has_scale; }

  // For vectors.npy: vectors.ids.jsonl, vectors.scales.npy, vectors.errors.jsonl.
  std::string ids_path() const { return stem() + ".ids.jsonl"; }
  std::string scales_path() const { return stem() + ".scales.npy"; }
  std::string errors_path() const { return stem() + ".errors.jsonl"; }
  // Texts that were seen, for --dedupe; only while the run is not finished.
  std::string digests_path() const { return path + ".digests"; }
  std::string checkpoint_path() const { return path + ".checkpoint"; }

 private:
  std::string stem() const;
};

// The name of an output file as long as the run is not finished: beside what a symbolic link leads
// to.
std::string partial_path(const std::string& path);

}  // namespace nestvec
