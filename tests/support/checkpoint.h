// SPDX-License-Identifier: Apache-2.0
// For tests: writes safetensors files by hand, right ones and broken ones.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "weights/tensor.h"

namespace nestvec {

inline void write_text(const std::filesystem::path& path, const std::string& text) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << text;
}

// A folder of its own for a test, removed at the end.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string path = (std::filesystem::temp_directory_path() / "nestvec-test-XXXXXX").string();
    if (::mkdtemp(path.data()) == nullptr) throw std::filesystem::filesystem_error("mkdtemp", {});
    path_ = path;
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }
  std::string string() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

// The upper half of a float that bf16 can hold.
inline std::uint16_t bf16_bits(float value) {
  return static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(value) >> 16);
}

// The nearest float below or at `value` that bf16 can hold.
inline float bf16_value(float value) {
  return std::bit_cast<float>(std::bit_cast<std::uint32_t>(value) & 0xffff0000u);
}

class TestCheckpoint {
 public:
  // Adds values as F32 or BF16 (they must be exact in it).
  void add(const std::string& name, const std::vector<std::int64_t>& shape,
           std::span<const float> values, DataType type = DataType::kF32) {
    std::string bytes(values.size() * element_size(type), '\0');
    for (std::size_t i = 0; i < values.size(); ++i) {
      const std::uint32_t bits = std::bit_cast<std::uint32_t>(values[i]);
      const std::uint32_t shifted = type == DataType::kBf16 ? bits >> 16 : bits;
      std::memcpy(bytes.data() + i * element_size(type), &shifted, element_size(type));
    }
    add_bytes(name, std::string(data_type_name(type)), shape, bytes);
  }

  void add_bytes(const std::string& name, const std::string& type,
                 const std::vector<std::int64_t>& shape, const std::string& bytes) {
    if (!header_.empty()) header_ += ",";
    header_ += "\"" + name + "\":{\"dtype\":\"" + type + "\",\"shape\":" + shape_text(shape) +
               ",\"data_offsets\":[" + std::to_string(data_.size()) + "," +
               std::to_string(data_.size() + bytes.size()) + "]}";
    data_ += bytes;
  }

  std::string bytes() const { return assemble("{" + header_ + "}", data_); }
  void save(const std::filesystem::path& path) const { write_text(path, bytes()); }

  // A file of this header and data, whatever they are.
  static std::string assemble(const std::string& header, const std::string& data) {
    const std::uint64_t length = header.size();
    std::string file(sizeof(length), '\0');
    std::memcpy(file.data(), &length, sizeof(length));
    return file + header + data;
  }

 private:
  std::string header_;
  std::string data_;
};

}  // namespace nestvec
