// SPDX-License-Identifier: Apache-2.0
#include "text_reader.h"

#include "strings.h"

namespace nb = nanobind;

namespace nestvec {

std::vector<std::string> TextReader::read(std::size_t most_texts, std::size_t most_bytes) {
  std::vector<std::string> out;
  std::size_t bytes = 0;
  while (!at_end() && out.size() < most_texts && bytes < most_bytes) {
    const nb::object text =
        nb::steal(PySequence_GetItem(texts_.ptr(), static_cast<Py_ssize_t>(next_)));
    if (!text.is_valid()) throw nb::python_error();
    out.push_back(prompt_ + utf8_of(text, "text " + std::to_string(next_)));
    bytes += out.back().size();
    ++next_;
  }
  return out;
}

}  // namespace nestvec
