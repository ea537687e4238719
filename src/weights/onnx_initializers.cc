// SPDX-License-Identifier: Apache-2.0
#include "weights/onnx_initializers.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <map>
#include <set>
#include <string_view>
#include <utility>

#include "base/lfs_pointer.h"
#include "weights/protobuf.h"

namespace nestvec {
namespace {

namespace fs = std::filesystem;

// TensorProto.DataType
std::optional<DataType> data_type_of(std::uint64_t number) {
  static const std::map<std::uint64_t, DataType> kTypes = {
      {1, DataType::kF32},  {2, DataType::kU8},   {3, DataType::kI8},   {4, DataType::kU16},
      {5, DataType::kI16},  {6, DataType::kI32},  {7, DataType::kI64},  {9, DataType::kBool},
      {10, DataType::kF16}, {11, DataType::kF64}, {12, DataType::kU32}, {13, DataType::kU64},
      {16, DataType::kBf16}};
  const auto found = kTypes.find(number);
  if (found == kTypes.end()) return std::nullopt;
  return found->second;
}

std::uint64_t parse_number(std::string_view text, const std::string& name,
                           const std::string& path) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) {
    throw corrupt_onnx(path, "tensor " + name + ": external data: " + std::string(text) +
                                 " is not a number of bytes");
  }
  return value;
}

struct TensorFields {
  std::vector<std::int64_t> dims;
  std::optional<DataType> type;
  std::string name;
  std::optional<std::span<const std::byte>> raw;
  std::optional<std::span<const std::byte>> floats;
  bool floats_in_pieces = false;
  std::map<std::string, std::string, std::less<>> external;
  bool is_external = false;
};

std::pair<std::string, std::string> read_entry(std::span<const std::byte> message,
                                               const std::string& path) {
  std::pair<std::string, std::string> entry;
  MessageReader reader(message, path);
  while (const std::optional<MessageField> field = reader.next()) {
    if (field->number == 1) entry.first = field->text();
    if (field->number == 2) entry.second = field->text();
  }
  return entry;
}

// Field numbers of TensorProto.
TensorFields read_fields(std::span<const std::byte> message, const std::string& path) {
  TensorFields fields;
  MessageReader reader(message, path);
  while (const std::optional<MessageField> field = reader.next()) {
    switch (field->number) {
      case 1:
        read_numbers(*field, path, fields.dims);
        break;
      case 2:
        fields.type = data_type_of(field->varint);
        break;
      case 4:
        fields.floats_in_pieces = fields.floats.has_value() || field->wire != 2;
        fields.floats = field->bytes;
        break;
      case 8:
        fields.name = field->text();
        break;
      case 9:
        fields.raw = field->bytes;
        break;
      case 13:
        fields.external.insert(read_entry(field->bytes, path));
        break;
      case 14:
        fields.is_external = field->varint == 1;
        break;
      default:
        break;
    }
  }
  return fields;
}

std::uint64_t byte_size(const TensorView& tensor, const std::string& path) {
  std::uint64_t size = element_size(tensor.type);
  for (const std::int64_t extent : tensor.shape) {
    if (extent < 0 || __builtin_mul_overflow(size, static_cast<std::uint64_t>(extent), &size)) {
      throw corrupt_onnx(path,
                         "tensor " + tensor.name + ": impossible shape " + tensor.shape_text());
    }
  }
  return size;
}

ExternalData read_external(const TensorFields& fields, const std::string& path) {
  ExternalData external;
  const auto value = [&](const char* key) -> const std::string* {
    const auto found = fields.external.find(key);
    return found == fields.external.end() ? nullptr : &found->second;
  };
  if (const std::string* location = value("location")) external.location = *location;
  if (external.location.empty()) {
    throw corrupt_onnx(path, "tensor " + fields.name + ": external data without a location");
  }
  if (const std::string* offset = value("offset")) {
    external.offset = parse_number(*offset, fields.name, path);
  }
  if (const std::string* length = value("length")) {
    external.length = parse_number(*length, fields.name, path);
  }
  return external;
}

void check_size(const TensorView& tensor, std::uint64_t found, const std::string& path) {
  const std::uint64_t expected = byte_size(tensor, path);
  if (found != expected) {
    throw corrupt_onnx(path, "tensor " + tensor.name + ": shape " + tensor.shape_text() + " of " +
                                 std::string(data_type_name(tensor.type)) + " takes " +
                                 std::to_string(expected) + " bytes, the file gives " +
                                 std::to_string(found));
  }
}

std::optional<OnnxInitializer> read_tensor(std::span<const std::byte> message,
                                           const std::string& path) {
  TensorFields fields = read_fields(message, path);
  if (!fields.type) return std::nullopt;
  OnnxInitializer initializer;
  TensorView& tensor = initializer.tensor;
  tensor.name = fields.name;
  tensor.type = *fields.type;
  tensor.shape = std::move(fields.dims);
  if (fields.is_external) {
    initializer.external = read_external(fields, path);
    const std::uint64_t size = byte_size(tensor, path);
    check_size(tensor, initializer.external->length.value_or(size), path);
    return initializer;
  }
  const bool plain_floats =
      fields.floats && !fields.floats_in_pieces && tensor.type == DataType::kF32;
  if (fields.raw) {
    tensor.bytes = *fields.raw;
  } else if (plain_floats) {
    tensor.bytes = *fields.floats;
  } else if (byte_size(tensor, path) != 0) {
    return std::nullopt;
  }
  check_size(tensor, tensor.bytes.size(), path);
  return initializer;
}

// Field numbers of GraphProto.
void read_graph(std::span<const std::byte> message, const std::string& path, OnnxNodes& nodes,
                std::vector<OnnxInitializer>& initializers) {
  MessageReader reader(message, path);
  while (const std::optional<MessageField> field = reader.next()) {
    if (field->wire != 2) continue;
    if (field->number == 1) nodes.add(field->bytes, path);
    if (field->number != 5) continue;
    if (auto tensor = read_tensor(field->bytes, path)) initializers.push_back(std::move(*tensor));
  }
}

// A location names a file of the model's folder; a file that was fetched must not reach beyond it.
void check_location(const std::string& location, const std::string& tensor,
                    const std::string& path) {
  const fs::path relative(location);
  bool inside = !relative.is_absolute();
  for (const fs::path& part : relative) inside = inside && part != "..";
  if (!inside || location.find('\0') != std::string::npos) {
    throw corrupt_onnx(path, "tensor " + tensor + ": external data " + location +
                                 " lies outside the model's folder");
  }
}

std::span<const std::byte> external_bytes(const OnnxInitializer& initializer,
                                          const MappedFile& file, const std::string& path) {
  const std::uint64_t size = byte_size(initializer.tensor, path);
  const std::uint64_t offset = initializer.external->offset;
  if (offset > file.size() || size > file.size() - offset) {
    throw corrupt_onnx(file.path(), "tensor " + initializer.tensor.name + " takes " +
                                        std::to_string(size) + " bytes from byte " +
                                        std::to_string(offset) + ", the file has " +
                                        std::to_string(file.size()) + "; it is truncated");
  }
  return file.bytes().subspan(offset, size);
}

std::string beside(const std::string& path, const std::string& location) {
  return (fs::path(path).parent_path() / location).string();
}

MappedFile map_data(const std::string& path) {
  MappedFile file(path);
  check_no_lfs_pointer(file.text(), path);
  return file;
}

// The tensor under the name, and in the shape, that its layer knows it by.
std::optional<TensorView> named_again(TensorView tensor, const ImpliedWeight& implied) {
  tensor.name = implied.name;
  if (!implied.transposed) return tensor;
  if (tensor.shape.size() != 2) return std::nullopt;
  std::swap(tensor.shape[0], tensor.shape[1]);
  tensor.transposed = true;
  return tensor;
}

}  // namespace

OnnxGraph parse_onnx_graph(std::span<const std::byte> file, const std::string& path) {
  check_no_lfs_pointer({reinterpret_cast<const char*>(file.data()), file.size()}, path);
  OnnxGraph graph;
  OnnxNodes nodes;
  bool has_graph = false;
  MessageReader reader(file, path);
  while (const std::optional<MessageField> field = reader.next()) {
    if (field->number != 7 || field->wire != 2) continue;  // ModelProto.graph
    has_graph = true;
    read_graph(field->bytes, path, nodes, graph.initializers);
  }
  if (!has_graph) throw corrupt_onnx(path, "not an ONNX model: it has no graph");
  std::set<std::string_view> names;
  for (const OnnxInitializer& initializer : graph.initializers) {
    names.insert(initializer.tensor.name);
  }
  graph.implied = nodes.implied_weights(names);
  return graph;
}

WeightSet read_onnx_weights(const std::string& path) {
  std::vector<MappedFile> files;
  files.emplace_back(path);
  OnnxGraph graph = parse_onnx_graph(files[0].bytes(), path);
  std::map<std::string, std::size_t> mapped;
  std::map<std::string, TensorView> tensors;
  for (OnnxInitializer& initializer : graph.initializers) {
    TensorView& tensor = initializer.tensor;
    if (initializer.external) {
      const std::string& location = initializer.external->location;
      check_location(location, tensor.name, path);
      const auto [place, is_new] = mapped.emplace(location, files.size());
      if (is_new) files.push_back(map_data(beside(path, location)));
      tensor.bytes = external_bytes(initializer, files[place->second], path);
    }
    if (!tensors.emplace(tensor.name, tensor).second) {
      throw corrupt_onnx(path, "tensor " + tensor.name + " appears twice");
    }
  }
  for (const ImpliedWeight& implied : graph.implied) {
    if (auto tensor = named_again(tensors.at(implied.initializer), implied)) {
      tensors.emplace(implied.name, std::move(*tensor));
    }
  }
  std::vector<TensorView> all;
  for (auto& [name, tensor] : tensors) all.push_back(std::move(tensor));
  return WeightSet(path, std::move(files), std::move(all));
}

std::vector<std::string> onnx_files(const std::string& path) {
  std::vector<std::string> files = {path};
  const MappedFile file(path);
  for (const OnnxInitializer& initializer : parse_onnx_graph(file.bytes(), path).initializers) {
    if (!initializer.external) continue;
    const std::string& location = initializer.external->location;
    check_location(location, initializer.tensor.name, path);
    const std::string data = beside(path, location);
    if (std::find(files.begin(), files.end(), data) == files.end()) files.push_back(data);
  }
  return files;
}

}  // namespace nestvec
