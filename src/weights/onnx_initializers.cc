// SPDX-License-Identifier: Apache-2.0
#include "weights/onnx_initializers.h"

#include <charconv>
#include <cstring>
#include <filesystem>
#include <map>
#include <string_view>
#include <utility>

#include "base/excerpt.h"
#include "nestvec/error.h"

namespace nestvec {
namespace {

namespace fs = std::filesystem;

Error corrupt(const std::string& path, const std::string& message) {
  return Error(ErrorCode::kDataLoss, one_line(path + ": " + message));
}

// One field of a protobuf message (https://protobuf.dev/programming-guides/encoding/). A generated
// parser would copy the weights; this one hands out where they lie.
struct Field {
  std::uint64_t number = 0;
  std::uint64_t wire = 0;            // 0 varint, 1 eight bytes, 2 length-delimited, 5 four bytes
  std::uint64_t varint = 0;          // of wire 0
  std::span<const std::byte> bytes;  // of the others

  std::string_view text() const {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }
};

class MessageReader {
 public:
  MessageReader(std::span<const std::byte> message, const std::string& path)
      : rest_(message), path_(path) {}

  // The next field, or nullopt at the end.
  std::optional<Field> next() {
    if (rest_.empty()) return std::nullopt;
    Field field;
    const std::uint64_t tag = read_varint();
    field.number = tag >> 3;
    field.wire = tag & 7;
    switch (field.wire) {
      case 0:
        field.varint = read_varint();
        break;
      case 1:
        field.bytes = take(8);
        break;
      case 2:
        field.bytes = take(read_varint());
        break;
      case 5:
        field.bytes = take(4);
        break;
      default:
        throw corrupt(
            path_, "not an ONNX model, or damaged (wire type " + std::to_string(field.wire) + ")");
    }
    return field;
  }

 private:
  std::uint64_t read_varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const auto byte = std::to_integer<std::uint64_t>(take(1)[0]);
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    throw corrupt(path_, "not an ONNX model, or damaged (a number of over 64 bits)");
  }

  std::span<const std::byte> take(std::uint64_t size) {
    if (size > rest_.size()) {
      throw corrupt(path_, "the ONNX model is truncated or damaged: " + std::to_string(size) +
                               " bytes are announced, " + std::to_string(rest_.size()) +
                               " are left");
    }
    const std::span<const std::byte> taken = rest_.first(size);
    rest_ = rest_.subspan(size);
    return taken;
  }

  std::span<const std::byte> rest_;
  const std::string& path_;
};

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
    throw corrupt(path, "tensor " + name + ": external data: " + std::string(text) +
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

void read_dims(const Field& field, const std::string& path, std::vector<std::int64_t>& dims) {
  if (field.wire == 0) {
    dims.push_back(static_cast<std::int64_t>(field.varint));
    return;
  }
  // Packed: varints behind one another. Each is read as if it were a field without a tag.
  std::uint64_t value = 0;
  unsigned shift = 0;
  for (const std::byte byte : field.bytes) {
    if (shift > 63) throw corrupt(path, "a dimension of over 64 bits");
    value |= (std::to_integer<std::uint64_t>(byte) & 0x7f) << shift;
    shift += 7;
    if (std::to_integer<unsigned>(byte) < 0x80) {
      dims.push_back(static_cast<std::int64_t>(value));
      value = 0;
      shift = 0;
    }
  }
}

std::pair<std::string, std::string> read_entry(std::span<const std::byte> message,
                                               const std::string& path) {
  std::pair<std::string, std::string> entry;
  MessageReader reader(message, path);
  while (const std::optional<Field> field = reader.next()) {
    if (field->number == 1) entry.first = field->text();
    if (field->number == 2) entry.second = field->text();
  }
  return entry;
}

// Field numbers of TensorProto.
TensorFields read_fields(std::span<const std::byte> message, const std::string& path) {
  TensorFields fields;
  MessageReader reader(message, path);
  while (const std::optional<Field> field = reader.next()) {
    switch (field->number) {
      case 1:
        read_dims(*field, path, fields.dims);
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
      throw corrupt(path, "tensor " + tensor.name + ": impossible shape " + tensor.shape_text());
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
    throw corrupt(path, "tensor " + fields.name + ": external data without a location");
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
    throw corrupt(path, "tensor " + tensor.name + ": shape " + tensor.shape_text() + " of " +
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

void read_graph(std::span<const std::byte> message, const std::string& path,
                std::vector<OnnxInitializer>& out) {
  MessageReader reader(message, path);
  while (const std::optional<Field> field = reader.next()) {
    if (field->number != 5 || field->wire != 2) continue;  // GraphProto.initializer
    if (auto initializer = read_tensor(field->bytes, path)) out.push_back(std::move(*initializer));
  }
}

// A location names a file of the model's folder; a file that was fetched must not reach beyond it.
void check_location(const std::string& location, const std::string& tensor,
                    const std::string& path) {
  const fs::path relative(location);
  bool inside = !relative.is_absolute();
  for (const fs::path& part : relative) inside = inside && part != "..";
  if (!inside || location.find('\0') != std::string::npos) {
    throw corrupt(path, "tensor " + tensor + ": external data " + location +
                            " lies outside the model's folder");
  }
}

std::span<const std::byte> external_bytes(const OnnxInitializer& initializer,
                                          const MappedFile& file, const std::string& path) {
  const std::uint64_t size = byte_size(initializer.tensor, path);
  const std::uint64_t offset = initializer.external->offset;
  if (offset > file.size() || size > file.size() - offset) {
    throw corrupt(file.path(), "tensor " + initializer.tensor.name + " takes " +
                                   std::to_string(size) + " bytes from byte " +
                                   std::to_string(offset) + ", the file has " +
                                   std::to_string(file.size()) + "; it is truncated");
  }
  return file.bytes().subspan(offset, size);
}

}  // namespace

std::vector<OnnxInitializer> parse_onnx_initializers(std::span<const std::byte> file,
                                                     const std::string& path) {
  std::vector<OnnxInitializer> initializers;
  bool has_graph = false;
  MessageReader reader(file, path);
  while (const std::optional<Field> field = reader.next()) {
    if (field->number != 7 || field->wire != 2) continue;  // ModelProto.graph
    has_graph = true;
    read_graph(field->bytes, path, initializers);
  }
  if (!has_graph) throw corrupt(path, "not an ONNX model: it has no graph");
  return initializers;
}

WeightSet read_onnx_initializers(const std::string& path) {
  std::vector<MappedFile> files;
  files.emplace_back(path);
  std::map<std::string, std::size_t> mapped;
  std::vector<TensorView> tensors;
  for (OnnxInitializer& initializer : parse_onnx_initializers(files[0].bytes(), path)) {
    if (initializer.external) {
      const std::string& location = initializer.external->location;
      check_location(location, initializer.tensor.name, path);
      const auto [place, is_new] = mapped.emplace(location, files.size());
      if (is_new) files.emplace_back((fs::path(path).parent_path() / location).string());
      initializer.tensor.bytes = external_bytes(initializer, files[place->second], path);
    }
    tensors.push_back(std::move(initializer.tensor));
  }
  return WeightSet(path, std::move(files), std::move(tensors));
}

}  // namespace nestvec
