// SPDX-License-Identifier: Apache-2.0
// Writes vectors to a stream in the formats of the command line.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace nestvec {

enum class OutputFormat {
  kJson,       // one document: {"dimensions":n,"embeddings":[[...],...]}
  kJsonLines,  // {"index":i,"embedding":[...]} a line, 9 significant digits: reads back exactly
  kNpy,        // NumPy's .npy version 1.0, float32 [rows, width]
  kBase64,     // {"index":i,"embedding":"..."} a line, see append_base64
  kBinary,     // {"index":i,"embedding":[...]} a line, see pack_binary
  kUbinary,    // {"index":i,"embedding":[...]} a line, see pack_ubinary
};

// Throws Error kInvalidArgument listing the names.
OutputFormat parse_output_format(std::string_view name);

// Rows are written as they come, except for .npy, whose header holds their number: there they are
// kept until finish(). Not thread-safe. A stream that fails is the caller's to check after
// finish().
class VectorWriter {
 public:
  VectorWriter(OutputFormat format, std::size_t width, std::ostream& out);

  // Precondition: row.size() is the width. Throws Error kInvalidArgument where the format cannot
  // hold the width.
  void write(std::span<const float> row);
  // Ends the document. To be called once, after the last row.
  void finish();

 private:
  void write_line(std::span<const float> row);

  OutputFormat format_;
  std::size_t width_;
  std::ostream& out_;
  std::size_t rows_ = 0;
  std::vector<float> kept_;  // .npy only
  std::string buffer_;
};

}  // namespace nestvec
