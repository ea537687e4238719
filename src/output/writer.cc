// SPDX-License-Identifier: Apache-2.0
#include "output/writer.h"

#include <array>
#include <ostream>
#include <utility>

#include "base/excerpt.h"
#include "base/json.h"
#include "base/suggestion.h"
#include "nestvec/error.h"
#include "output/embedding_format.h"
#include "output/npy.h"

namespace nestvec {
namespace {

// A float needs 9 significant digits to read back as the same float.
constexpr int kExactDigits = 9;

}  // namespace

OutputFormat parse_output_format(std::string_view name) {
  static const std::array<std::pair<std::string_view, OutputFormat>, 6> kNames = {{
      {"json", OutputFormat::kJson},
      {"jsonl", OutputFormat::kJsonLines},
      {"npy", OutputFormat::kNpy},
      {format_name(EmbeddingFormat::kBase64), OutputFormat::kBase64},
      {format_name(EmbeddingFormat::kBinary), OutputFormat::kBinary},
      {format_name(EmbeddingFormat::kUbinary), OutputFormat::kUbinary},
  }};
  std::vector<std::string> names;
  for (const auto& [known, format] : kNames) {
    if (name == known) return format;
    names.emplace_back(known);
  }
  throw Error(ErrorCode::kInvalidArgument,
              "unknown format \"" + excerpt(name) + "\"" + suggestion(name, names));
}

VectorWriter::VectorWriter(OutputFormat format, std::size_t width, std::ostream& out)
    : format_(format), width_(width), out_(out) {}

void VectorWriter::write_line(std::span<const float> row) {
  buffer_ = "{\"index\":" + std::to_string(rows_) + ",\"embedding\":";
  switch (format_) {
    case OutputFormat::kBase64:
      append_embedding(row, EmbeddingFormat::kBase64, buffer_);
      break;
    case OutputFormat::kBinary:
      append_embedding(row, EmbeddingFormat::kBinary, buffer_);
      break;
    case OutputFormat::kUbinary:
      append_embedding(row, EmbeddingFormat::kUbinary, buffer_);
      break;
    default:
      append_json_numbers(row, buffer_, kExactDigits);
  }
  buffer_ += "}\n";
  out_ << buffer_;
}

void VectorWriter::write(std::span<const float> row) {
  if (format_ == OutputFormat::kNpy) {
    kept_.insert(kept_.end(), row.begin(), row.end());
  } else if (format_ == OutputFormat::kJson) {
    buffer_ = rows_ == 0 ? "{\"dimensions\":" + std::to_string(width_) + ",\"embeddings\":[" : ",";
    append_json_numbers(row, buffer_, kExactDigits);
    out_ << buffer_;
  } else {
    write_line(row);
  }
  ++rows_;
}

void VectorWriter::finish() {
  if (format_ == OutputFormat::kNpy) {
    out_ << npy_header(npy_type(EmbeddingFormat::kFloat, width_), rows_);
    out_.write(reinterpret_cast<const char*>(kept_.data()),
               static_cast<std::streamsize>(kept_.size() * sizeof(float)));
  } else if (format_ == OutputFormat::kJson) {
    if (rows_ == 0) out_ << "{\"dimensions\":" << width_ << ",\"embeddings\":[";
    out_ << "]}\n";
  }
  out_.flush();
}

}  // namespace nestvec
