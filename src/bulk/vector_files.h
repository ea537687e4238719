// SPDX-License-Identifier: Apache-2.0
// The files of a bulk run: vectors, ids, scales, what was wrong with rows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "bulk/growing_file.h"
#include "bulk/output_spec.h"
#include "bulk/sparse_rows.h"

namespace nestvec {

// How long each file is.
struct OutputSizes {
  std::uint64_t vectors = 0;
  std::uint64_t ids = 0;
  std::uint64_t scales = 0;
  std::uint64_t errors = 0;
  std::uint64_t digests = 0;
  bool operator==(const OutputSizes&) const = default;
};

// A row of the output.
struct OutputRow {
  std::uint64_t index = 0;  // of the row among all of the input
  std::string_view id;      // as a JSON value; empty = its index
};

// Where a row's vector lies in the file of vectors.
struct VectorLocation {
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
};

// Rows are appended under the files' partial names. Not thread-safe. All functions throw Error
// where a write fails.
class VectorFiles {
 public:
  // `width` is that of a vector, of sparse ones the vocabulary.
  // Opens or creates the files and cuts them to `keep`; where that is nothing, other files of an
  // earlier run go. `digests`: also a file of those. Throws Error as GrowingFile, and
  // kInvalidArgument (a width that the type cannot hold).
  VectorFiles(const OutputSpec& spec, std::size_t width, bool digests, const OutputSizes& keep);

  VectorLocation write(const OutputRow& row, std::span<const float> vector);
  VectorLocation write(const OutputRow& row, const SparseRowView& vector);
  // The vector that lies there once more.
  void repeat(const OutputRow& row, const VectorLocation& location);
  // A row without a vector: NaN, null, or zeros where the type has neither, of npz a row without
  // weights; of int8 the scale is NaN.
  void write_null(const OutputRow& row);
  // A line of the file of errors, a JSON object without its line end.
  void note_error(std::string_view line);

  // nullptr where there is no file of digests.
  GrowingFile* digests() { return digests_.get(); }

  // Everything is on the disk when it returns. The .npy files are valid then; an .npz is made of
  // what is there when it is published.
  OutputSizes sync();

  // Gives the files their names, that of the vectors last; without errors there is no such file.
  // To be called once they are complete; may be called again where it was interrupted.
  static void publish(const OutputSpec& spec, bool errors);

  // Removes what a run has begun and not finished. None may be open.
  static void discard(const OutputSpec& spec);

 private:
  void remove_unused() const;
  ArrayRow pack(std::span<const float> vector) const;
  ArrayRow null() const;
  VectorLocation append(const OutputRow& row, const ArrayRow& packed);
  std::string npy_header(std::uint64_t rows) const;
  std::uint64_t rows() const;

  OutputSpec spec_;
  std::size_t width_;
  std::size_t row_bytes_ = 0;  // 0 for JSON Lines
  std::size_t header_bytes_ = 0;
  std::unique_ptr<GrowingFile> vectors_;
  std::unique_ptr<GrowingFile> ids_;
  std::unique_ptr<GrowingFile> scales_;
  std::unique_ptr<GrowingFile> errors_;
  std::unique_ptr<GrowingFile> digests_;
};

}  // namespace nestvec
