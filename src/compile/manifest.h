// SPDX-License-Identifier: Apache-2.0
// nestvec.json: what an artefact is and what it was made of.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "compile/fingerprint.h"
#include "compile/model_spec.h"
#include "nestvec/error.h"

namespace nestvec {

struct Manifest {
  std::int64_t format_version = kFormatVersion;
  std::string library_version;
  std::string layout;
  std::string precision;
  std::size_t max_tokens = 0;
  ModelSpec spec;
  std::string repository;  // "OWNER/NAME" where the source lay in the cache of a hub; else empty
  Fingerprint source;
  std::uint64_t graph_bytes = 0;
  std::uint64_t data_bytes = 0;
  std::string checksum;  // of both files, see checksum_of; empty = there is none

  // What this library writes. Goes up when an older library could not use what a newer one writes,
  // or the reverse.
  static constexpr std::int64_t kFormatVersion = 5;
  // The oldest that it reads.
  static constexpr std::int64_t kOldestFormat = 4;
};

// A compiled folder in a format that only a newer library reads. kFailedPrecondition.
class NewerFormat final : public Error {
 public:
  explicit NewerFormat(std::string message)
      : Error(ErrorCode::kFailedPrecondition, std::move(message)) {}
};

inline constexpr const char* kManifestName = "nestvec.json";
inline constexpr const char* kGraphName = "model.onnx";
inline constexpr const char* kDataName = "weights.data";

// Of the graph and its weights in `folder`: "siphash-2-4:" and 16 hexadecimal digits. Shows damage;
// against a forger, who would change the manifest, too, it is no help. Reads both files whole.
// Throws Error as MappedFile.
std::string checksum_of(const std::string& folder);

std::string write_manifest(const Manifest& manifest);

// The manifest that `json` is; `path` stands in errors. Throws NewerFormat, and Error:
// kFailedPrecondition (a format that is too old), kDataLoss (damaged).
Manifest parse_manifest(std::string_view json, const std::string& path);

// Reads FOLDER/nestvec.json. Errors as parse_manifest, and kNotFound.
Manifest read_manifest(const std::string& folder);

}  // namespace nestvec
