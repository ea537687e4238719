// SPDX-License-Identifier: Apache-2.0
// Tells whether a model folder is still what an artefact was made of.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "compile/model_spec.h"

namespace nestvec {

// A file as it was: a change of content shows in its size or time.
struct SourceFile {
  std::string name;  // relative to the model folder
  std::uint64_t bytes = 0;
  std::int64_t modified_ns = 0;

  bool operator==(const SourceFile&) const = default;
};

// The files that the artefact depends on, and a hash of those parts that are read in any case: the
// JSON files, the headers of the safetensors, the first bytes of an ONNX file and its data.
struct Fingerprint {
  std::vector<SourceFile> files;
  std::string hash;  // 16 hexadecimal digits, FNV-1a

  bool operator==(const Fingerprint&) const = default;
};

// Throws Error: kNotFound (a file is missing), kDataLoss (not a safetensors or ONNX file).
Fingerprint fingerprint_of(const std::string& folder, const ModelSpec& spec);

// "model.safetensors has changed", or an empty string when `found` equals `expected`.
std::string difference(const Fingerprint& expected, const Fingerprint& found);

// FNV-1a (http://www.isthe.com/chongo/tech/comp/fnv/), 64 bits.
std::uint64_t fnv1a(std::string_view bytes, std::uint64_t seed = 0xcbf29ce484222325u);
std::string hex_text(std::uint64_t number);

}  // namespace nestvec
