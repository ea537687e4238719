// SPDX-License-Identifier: Apache-2.0
#include "output/writer.h"

#include <array>
#include <ostream>
#include <utility>

#include "base/json.h"
#include "nestvec/error.h"
#include "output/npy.h"
#include "output/pack.h"

namespace nestvec {
namespace {

constexpr std::array<std::pair<std::string_view, OutputFormat>, 6> kFormats = {{
    {"json", OutputFormat::kJson},
    {"jsonl", OutputFormat::kJsonLines},
    {"npy", OutputFormat::kNpy},
    {"base64", OutputFormat::kBase64},
    {"binary", OutputFormat::kBinary},
    {"ubinary", OutputFormat::kUbinary},
}};

// A float needs 9 significant digits to read back as the same float.
constexpr int kExactDigits = 9;

template <typename Integer>
void append_integers(const std::vector<Integer>& values, std::string& out) {
  out.push_back('[');
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (i > 0) out.push_back(',');
    out.append(std::to_string(static_cast<int>(values[i])));
  }
  out.push_back(']');
}

}  // namespace

OutputFormat parse_output_format(std::string_view name) {
  std::string names;
  for (const auto& [known, format] : kFormats) {
    if (name == known) return format;
    if (!names.empty()) names += ", ";
    names += known;
  }
  throw Error(ErrorCode::kInvalidArgument,
              "unknown format \"" + std::string(name.substr(0, 64)) + "\"; known are " + names);
}

VectorWriter::VectorWriter(OutputFormat format, std::size_t width, std::ostream& out)
    : format_(format), width_(width), out_(out) {}

void VectorWriter::write_line(std::span<const float> row) {
  buffer_ = "{\"index\":" + std::to_string(rows_) + ",\"embedding\":";
  switch (format_) {
    case OutputFormat::kBase64:
      buffer_.push_back('"');
      append_base64(row, buffer_);
      buffer_.push_back('"');
      break;
    case OutputFormat::kBinary:
      append_integers(pack_binary(row), buffer_);
      break;
    case OutputFormat::kUbinary:
      append_integers(pack_ubinary(row), buffer_);
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
    out_ << npy_header({"<f4", sizeof(float), width_}, rows_);
    out_.write(reinterpret_cast<const char*>(kept_.data()),
               static_cast<std::streamsize>(kept_.size() * sizeof(float)));
  } else if (format_ == OutputFormat::kJson) {
    if (rows_ == 0) out_ << "{\"dimensions\":" << width_ << ",\"embeddings\":[";
    out_ << "]}\n";
  }
  out_.flush();
}

}  // namespace nestvec
