// SPDX-License-Identifier: Apache-2.0
// Sparse vectors in files: as JSON, and as a stream of rows that becomes SciPy's .npz.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "nestvec/results.h"

namespace nestvec {

struct SparseRowView {
  std::span<const std::uint32_t> indices;  // ascending
  std::span<const float> weights;
};

// Row `i` of what a call returned, which must outlive it.
SparseRowView sparse_row(const SparseVectors& vectors, std::size_t i);

// {"indices":[...],"values":[...]}
std::string sparse_json(const SparseRowView& row);

// A stream of rows: the head, then rows one after another, as this machine has its numbers.
std::string sparse_stream_head(std::size_t vocabulary);
std::string sparse_stream_row(const SparseRowView& row);

// Writes the rows of the stream `from` to `to` as scipy.sparse.save_npz writes a csr_matrix of
// float32 [rows, vocabulary]; `to` appears whole or not at all. Reads the stream three times and
// keeps nothing of it in memory. Throws Error: kDataLoss (the stream ends within a row), and as
// AtomicFile and MappedFile.
void write_npz(const std::string& from, const std::string& to);

}  // namespace nestvec
