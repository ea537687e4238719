// SPDX-License-Identifier: Apache-2.0
#include "weights/safetensors.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <optional>
#include <utility>

#include "base/excerpt.h"
#include "base/json.h"
#include "base/lfs_pointer.h"
#include "config/small_files.h"
#include "weights/shards.h"

namespace nestvec {
namespace {

namespace fs = std::filesystem;

Error corrupt(const std::string& path, const std::string& message) {
  return Error(ErrorCode::kDataLoss, one_line(path + ": " + message + "; fetch the file again"));
}

std::optional<DataType> data_type_of(std::string_view name) {
  static constexpr std::array kTypes = {
      DataType::kF32, DataType::kF16,  DataType::kBf16, DataType::kF64,    DataType::kI8,
      DataType::kU8,  DataType::kBool, DataType::kI16,  DataType::kU16,    DataType::kI32,
      DataType::kU32, DataType::kI64,  DataType::kU64,  DataType::kF8E4M3, DataType::kF8E5M2};
  for (const DataType type : kTypes) {
    if (data_type_name(type) == name) return type;
  }
  return std::nullopt;
}

// Bytes of a tensor, or nullopt where they exceed 64 bits.
std::optional<std::uint64_t> byte_size(DataType type, std::span<const std::int64_t> shape) {
  std::uint64_t size = element_size(type);
  for (const std::int64_t extent : shape) {
    if (__builtin_mul_overflow(size, static_cast<std::uint64_t>(extent), &size))
      return std::nullopt;
  }
  return size;
}

std::uint64_t unsigned_of(const JsonValue& value) {
  const std::int64_t number = value.integer();
  if (number < 0)
    throw value.error("expected a number of at least 0, found " + std::to_string(number));
  return static_cast<std::uint64_t>(number);
}

TensorView read_entry(std::string_view name, const JsonValue& entry,
                      std::span<const std::byte> data) {
  TensorView tensor;
  tensor.name = name;
  const std::optional<DataType> type = data_type_of(entry.at("dtype").string());
  if (!type)
    throw entry.at("dtype").error("unknown type " + std::string(entry.at("dtype").string()));
  tensor.type = *type;
  for (const JsonValue& extent : entry.at("shape").elements()) {
    tensor.shape.push_back(static_cast<std::int64_t>(unsigned_of(extent)));
  }
  const std::vector<JsonValue> offsets = entry.at("data_offsets").elements();
  if (offsets.size() != 2) throw entry.error("data_offsets: expected two numbers");
  const std::uint64_t begin = unsigned_of(offsets[0]);
  const std::uint64_t end = unsigned_of(offsets[1]);
  if (begin > end || end > data.size()) {
    throw entry.error("data_offsets " + std::to_string(begin) + " to " + std::to_string(end) +
                      " do not lie in the " + std::to_string(data.size()) +
                      " bytes of data; the file is truncated or damaged");
  }
  const std::optional<std::uint64_t> size = byte_size(tensor.type, tensor.shape);
  if (!size || *size != end - begin) {
    throw entry.error("shape " + tensor.shape_text() + " of " +
                      std::string(data_type_name(tensor.type)) + " takes " +
                      (size ? std::to_string(*size) : "over 2^64") + " bytes, data_offsets give " +
                      std::to_string(end - begin));
  }
  tensor.bytes = data.subspan(begin, end - begin);
  return tensor;
}

// The format wants the data without overlaps, gaps or a rest.
void check_layout(std::vector<TensorView> tensors, std::span<const std::byte> data,
                  const std::string& path) {
  std::sort(tensors.begin(), tensors.end(), [](const TensorView& a, const TensorView& b) {
    return std::pair(a.bytes.data(), a.bytes.size()) < std::pair(b.bytes.data(), b.bytes.size());
  });
  const std::byte* end = data.data();
  for (const TensorView& tensor : tensors) {
    if (tensor.bytes.data() != end) {
      throw corrupt(path, "tensor " + tensor.name + " begins at byte " +
                              std::to_string(tensor.bytes.data() - data.data()) +
                              " of the data, the one before it ends at " +
                              std::to_string(end - data.data()));
    }
    end += tensor.bytes.size();
  }
  if (end != data.data() + data.size()) {
    throw corrupt(path, "the tensors take " + std::to_string(end - data.data()) + " bytes of " +
                            std::to_string(data.size()));
  }
}

std::vector<TensorView> read_header(std::string_view header, std::span<const std::byte> data,
                                    const std::string& path) {
  const JsonDocument document = JsonDocument::parse(header, path);
  std::vector<TensorView> tensors;
  for (const auto& [name, entry] : document.root().members()) {
    if (name != "__metadata__") tensors.push_back(read_entry(name, entry, data));
  }
  return tensors;
}

}  // namespace

std::vector<TensorView> parse_safetensors(std::span<const std::byte> file,
                                          const std::string& path) {
  check_no_lfs_pointer({reinterpret_cast<const char*>(file.data()), file.size()}, path);
  std::uint64_t length = 0;
  if (file.size() < sizeof(length)) {
    throw corrupt(path, std::to_string(file.size()) + " bytes are too few for a safetensors file");
  }
  std::memcpy(&length, file.data(), sizeof(length));
  const std::span<const std::byte> rest = file.subspan(sizeof(length));
  if (length > kMaxSafetensorsHeader || length > rest.size()) {
    throw corrupt(path, "a header of " + std::to_string(length) +
                            " bytes is announced, the file has " + std::to_string(rest.size()) +
                            " and the limit is " + std::to_string(kMaxSafetensorsHeader));
  }
  const std::string_view header(reinterpret_cast<const char*>(rest.data()), length);
  const std::span<const std::byte> data = rest.subspan(length);
  try {
    std::vector<TensorView> tensors = read_header(header, data, path);
    check_layout(tensors, data, path);
    return tensors;
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kInvalidArgument) throw;
    throw Error(ErrorCode::kDataLoss, error.what());
  }
}

WeightSet read_safetensors(const std::string& path) {
  std::vector<MappedFile> files;
  files.emplace_back(path);
  std::vector<TensorView> tensors = parse_safetensors(files.back().bytes(), path);
  return WeightSet(path, std::move(files), std::move(tensors));
}

WeightSet read_safetensors_folder(const std::string& folder, const std::string& stem) {
  const fs::path single = fs::path(folder) / (stem + ".safetensors");
  if (is_file(single)) return read_safetensors(single.string());
  const std::string index = stem + ".safetensors.index.json";
  if (is_file(fs::path(folder) / index)) return read_shards(folder, index, parse_safetensors);
  throw Error(ErrorCode::kNotFound, folder + ": neither " + stem + ".safetensors nor " + stem +
                                        ".safetensors.index.json is there");
}

std::vector<std::string> safetensors_files(const std::string& folder, const std::string& stem) {
  const fs::path single = fs::path(folder) / (stem + ".safetensors");
  if (is_file(single)) return {single.string()};
  const std::string index = stem + ".safetensors.index.json";
  if (!is_file(fs::path(folder) / index)) return {};
  return shard_files(folder, index);
}

}  // namespace nestvec
