// SPDX-License-Identifier: Apache-2.0
#include "output/npy.h"

namespace nestvec {

NpyType npy_type(EmbeddingFormat format, std::size_t dimensions) {
  constexpr std::size_t kBits = 8;
  const FormatFacts& facts = facts_of(format);
  return {facts.descr, facts.value_bytes, facts.packs_bits ? dimensions / kBits : dimensions};
}

// Magic, version, length of the rest, a Python literal padded with spaces so that the data is
// aligned to 64 bytes.
std::string npy_header(const NpyType& type, std::uint64_t rows) {
  constexpr std::size_t kPreamble = 10;
  constexpr std::size_t kLiteral = kNpyHeaderBytes - kPreamble;
  std::string literal = "{'descr': '" + std::string(type.descr) +
                        "', 'fortran_order': False, 'shape': (" + std::to_string(rows) + ",";
  if (type.columns) literal += " " + std::to_string(*type.columns);
  literal += "), }";
  literal.resize(kLiteral - 1, ' ');
  literal.push_back('\n');
  std::string header("\x93NUMPY\x01\x00", 8);
  header.push_back(static_cast<char>(kLiteral));
  header.push_back('\0');
  return header + literal;
}

}  // namespace nestvec
