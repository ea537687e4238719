// SPDX-License-Identifier: Apache-2.0
// The texts of a Python sequence, from its front.
#pragma once

#include <nanobind/nanobind.h>

#include <cstddef>
#include <string>
#include <vector>

namespace nestvec {

// Needs the GIL.
class TextReader {
 public:
  // `prompt` is put before each text.
  TextReader(nanobind::sequence texts, std::string prompt)
      : texts_(std::move(texts)), prompt_(std::move(prompt)), size_(nanobind::len(texts_)) {}

  std::size_t size() const noexcept { return size_; }
  bool at_end() const noexcept { return next_ == size_; }

  // The next texts: at least one while there is one, then up to both limits. Throws
  // nanobind::python_error: TypeError, naming the index of what is not str.
  std::vector<std::string> read(std::size_t most_texts, std::size_t most_bytes);

 private:
  nanobind::sequence texts_;
  std::string prompt_;
  std::size_t size_ = 0;
  std::size_t next_ = 0;
};

}  // namespace nestvec
