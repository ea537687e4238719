// SPDX-License-Identifier: Apache-2.0
// Which texts were seen, and where the vector of each lies.
#pragma once

#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "bulk/growing_file.h"
#include "bulk/text_digest.h"
#include "bulk/vector_files.h"

namespace nestvec {

// Some 60 bytes of memory a different text. Safe for concurrent use.
class DedupeTable {
 public:
  // True for a text that was not seen before.
  bool add(const TextDigest& digest);
  // Where the vector of a text lies, noted by place(); without bytes where it has none.
  VectorLocation find(const TextDigest& digest) const;
  void place(const TextDigest& digest, const VectorLocation& location);

  // What place() noted, as bytes to append to a file, and back. Throws Error kDataLoss for a file
  // that is cut within a record.
  static std::string record(const TextDigest& digest, const VectorLocation& location);
  void load(GrowingFile& file);

 private:
  mutable std::mutex mutex_;
  std::unordered_map<TextDigest, VectorLocation, TextDigestHash> seen_;
};

}  // namespace nestvec
