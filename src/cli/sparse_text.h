// SPDX-License-Identifier: Apache-2.0
// Sparse vectors of `nestvec embed --sparse`: as JSON, or for a person to read.
#pragma once

#include <cstddef>
#include <optional>
#include <ostream>
#include <span>
#include <string>

#include "nestvec/model.h"
#include "output/writer.h"

namespace nestvec {

// Throws Error kInvalidArgument for a format that sparse vectors do not have.
void check_sparse_format(std::optional<OutputFormat> format);

// Numbers the texts of all its calls. Not thread-safe.
class SparseWriter {
 public:
  // Without a format the first texts are shown, each with the tokens that weigh most.
  SparseWriter(const Model& model, std::optional<OutputFormat> format, std::ostream& out)
      : model_(model), format_(format), out_(out) {}

  // A row for each text.
  void write(const SparseVectors& rows, std::span<const std::string> texts);
  // To be called once, after the last row.
  void finish();

 private:
  void begin();
  void show(const SparseVectors& rows, std::size_t row, const std::string& text);

  const Model& model_;
  std::optional<OutputFormat> format_;
  std::ostream& out_;
  std::size_t count_ = 0;
  bool begun_ = false;
};

}  // namespace nestvec
