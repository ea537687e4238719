// SPDX-License-Identifier: Apache-2.0
#include "weights/torch_file.h"

#include <filesystem>
#include <optional>
#include <string_view>
#include <utility>

#include "base/excerpt.h"
#include "base/lfs_pointer.h"
#include "config/small_files.h"
#include "weights/shards.h"
#include "weights/torch_pickle.h"
#include "weights/torch_zip.h"

namespace nestvec {
namespace {

constexpr std::string_view kPickleEntry = "/data.pkl";
constexpr const char* kTorchName = "pytorch_model.bin";
constexpr const char* kTorchIndex = "pytorch_model.bin.index.json";

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// NAME/data.pkl, whatever NAME is.
const ZipEntry& find_pickle(const std::vector<ZipEntry>& entries, const std::string& path) {
  const ZipEntry* found = nullptr;
  for (const ZipEntry& entry : entries) {
    if (!entry.name.ends_with(kPickleEntry)) continue;
    if (entry.name.find('/') != entry.name.size() - kPickleEntry.size()) continue;
    if (found != nullptr) {
      throw torch_error(ErrorCode::kDataLoss, path, entry.offset, "a second data.pkl is there");
    }
    found = &entry;
  }
  if (found == nullptr) {
    throw torch_error(ErrorCode::kDataLoss, path, 0,
                      "the zip archive has no NAME/data.pkl, which torch.save writes");
  }
  return *found;
}

// What the small entries beside the pickle say of the file.
void check_kind(const std::vector<ZipEntry>& entries, const std::string& folder,
                const std::string& path) {
  if (const ZipEntry* code = find_zip_entry(entries, folder + "constants.pkl")) {
    throw torch_error(ErrorCode::kUnimplemented, path, code->offset,
                      "the file holds a TorchScript program; save the tensors as safetensors");
  }
  if (const ZipEntry* order = find_zip_entry(entries, folder + "byteorder");
      order != nullptr && text_of(order->bytes) != "little") {
    throw torch_error(ErrorCode::kUnimplemented, path, order->offset,
                      "the byte order is " + excerpt(text_of(order->bytes)) +
                          ", expected little; save the tensors as safetensors");
  }
}

// Elements of the shape, or nullopt for a negative extent and a product over 63 bits.
std::optional<std::int64_t> element_count(std::span<const std::int64_t> shape) {
  std::int64_t count = 1;
  for (const std::int64_t extent : shape) {
    if (extent < 0 || __builtin_mul_overflow(count, extent, &count)) return std::nullopt;
  }
  return count;
}

// Whether element after element follows in the order of `axes`; the stride of an axis of one
// element says nothing.
bool is_dense(const PickledTensor& tensor, bool transposed) {
  std::int64_t expected = 1;
  for (std::size_t i = 0; i < tensor.shape.size(); ++i) {
    const std::size_t axis = transposed ? i : tensor.shape.size() - 1 - i;
    if (tensor.shape[axis] != 1 && tensor.strides[axis] != expected) return false;
    expected *= tensor.shape[axis];
  }
  return true;
}

class TorchTensors {
 public:
  TorchTensors(const std::vector<ZipEntry>& entries, std::string folder, const std::string& path)
      : entries_(entries), folder_(std::move(folder)), path_(path) {}

  TensorView view(const PickledTensor& pickled) const {
    const ZipEntry& entry = storage(pickled);
    const auto fail = [&](ErrorCode code, const std::string& what) {
      return torch_error(code, path_, entry.offset, "tensor " + excerpt(pickled.name) + what);
    };
    const std::optional<std::int64_t> count = element_count(pickled.shape);
    if (!count || pickled.strides.size() != pickled.shape.size()) {
      throw fail(ErrorCode::kDataLoss, ": shape " + shape_text(pickled.shape) + " with strides " +
                                           shape_text(pickled.strides) + " is not possible");
    }
    if (pickled.offset < 0 || pickled.offset > pickled.elements ||
        *count > pickled.elements - pickled.offset) {
      throw fail(ErrorCode::kDataLoss,
                 ": shape " + shape_text(pickled.shape) + " from element " +
                     std::to_string(pickled.offset) + " does not lie in the " +
                     std::to_string(pickled.elements) + " elements of its storage");
    }
    TensorView tensor;
    tensor.name = pickled.name;
    tensor.type = pickled.type;
    tensor.shape = pickled.shape;
    const bool plain = *count == 0 || is_dense(pickled, false);
    tensor.transposed = !plain && pickled.shape.size() == 2 && is_dense(pickled, true);
    if (!plain && !tensor.transposed) {
      throw fail(ErrorCode::kUnimplemented, ": strides " + shape_text(pickled.strides) +
                                                " of shape " + shape_text(pickled.shape) +
                                                " leave gaps; save it with contiguous()");
    }
    const std::size_t size = element_size(pickled.type);
    tensor.bytes = entry.bytes.subspan(static_cast<std::size_t>(pickled.offset) * size,
                                       static_cast<std::size_t>(*count) * size);
    return tensor;
  }

 private:
  const ZipEntry& storage(const PickledTensor& tensor) const {
    const std::string name = folder_ + "data/" + std::string(tensor.storage);
    const ZipEntry* entry = find_zip_entry(entries_, name);
    if (entry == nullptr) {
      throw torch_error(
          ErrorCode::kDataLoss, path_, 0,
          "tensor " + excerpt(tensor.name) + ": no entry " + excerpt(name) + " is there");
    }
    const auto size = static_cast<std::int64_t>(element_size(tensor.type));
    std::int64_t bytes = 0;
    if (tensor.elements < 0 || __builtin_mul_overflow(tensor.elements, size, &bytes) ||
        static_cast<std::uint64_t>(bytes) != entry->bytes.size()) {
      throw torch_error(ErrorCode::kDataLoss, path_, entry->offset,
                        "entry " + excerpt(name) + " has " + std::to_string(entry->bytes.size()) +
                            " bytes, expected " + std::to_string(tensor.elements) + " of " +
                            std::string(data_type_name(tensor.type)));
    }
    return *entry;
  }

  const std::vector<ZipEntry>& entries_;
  std::string folder_;
  const std::string& path_;
};

}  // namespace

std::vector<TensorView> parse_torch_file(std::span<const std::byte> file, const std::string& path) {
  check_no_lfs_pointer(text_of(file), path);
  if (text_of(file).starts_with("\x80\x02\x8a\x0al\xfc\x9c")) {
    throw torch_error(ErrorCode::kUnimplemented, path, 0,
                      "the file has the format of torch before 1.6; load and save it once with a "
                      "newer torch, or save the tensors as safetensors");
  }
  const std::vector<ZipEntry> entries = read_zip_directory(file, path);
  const ZipEntry& pickle = find_pickle(entries, path);
  const std::string folder(pickle.name.substr(0, pickle.name.size() - kPickleEntry.size() + 1));
  check_kind(entries, folder, path);
  const TorchTensors tensors(entries, folder, path);
  std::vector<TensorView> out;
  for (const PickledTensor& tensor : read_torch_pickle(pickle.bytes, path, pickle.offset)) {
    out.push_back(tensors.view(tensor));
  }
  return out;
}

WeightSet read_torch_file(const std::string& path) {
  std::vector<MappedFile> files;
  files.emplace_back(path);
  std::vector<TensorView> tensors = parse_torch_file(files.back().bytes(), path);
  return WeightSet(path, std::move(files), std::move(tensors));
}

WeightSet read_torch_folder(const std::string& folder) {
  const std::filesystem::path single = std::filesystem::path(folder) / kTorchName;
  if (is_file(single)) return read_torch_file(single.string());
  if (is_file(std::filesystem::path(folder) / kTorchIndex)) {
    return read_shards(folder, kTorchIndex, parse_torch_file);
  }
  throw Error(ErrorCode::kNotFound,
              folder + ": neither " + kTorchName + " nor " + kTorchIndex + " is there");
}

std::vector<std::string> torch_files(const std::string& folder) {
  const std::filesystem::path single = std::filesystem::path(folder) / kTorchName;
  if (is_file(single)) return {single.string()};
  if (!is_file(std::filesystem::path(folder) / kTorchIndex)) return {};
  return shard_files(folder, kTorchIndex);
}

}  // namespace nestvec
