// SPDX-License-Identifier: Apache-2.0
#include "bulk/vector_files.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <limits>
#include <system_error>
#include <vector>

#include "base/json.h"
#include "base/json_writer.h"
#include "output/npy.h"

namespace nestvec {
namespace {

// A float needs so many digits to read back as the same float.
constexpr int kExactDigits = 9;
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

std::string scale_bytes(float scale) {
  return {reinterpret_cast<const char*>(&scale), sizeof(scale)};
}

constexpr NpyType kScaleType = {"<f4", 4, std::nullopt};

std::unique_ptr<GrowingFile> open_file(const std::string& path, std::uint64_t keep) {
  return std::make_unique<GrowingFile>(partial_path(path), keep);
}

void remove_file(const std::string& path) {
  if (::unlink(path.c_str()) != 0 && errno != ENOENT)
    throw file_error("cannot remove", path, errno);
}

bool is_there(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::exists(path, ignored);
}

// Where it was done before, there is no partial file.
void give_name(const std::string& path) {
  const std::string partial = partial_path(path);
  if (!is_there(partial)) {
    if (is_there(path)) return;
    throw Error(ErrorCode::kDataLoss,
                path + " was complete and is missing now; start over with --restart");
  }
  if (::rename(partial.c_str(), follow_links(path).c_str()) != 0) {
    throw file_error("cannot create", path, errno);
  }
}

// Where it was done before, there is no partial file.
void publish_npz(const std::string& path) {
  const std::string partial = partial_path(path);
  if (!is_there(partial)) return give_name(path);
  write_npz(partial, path);
  remove_file(partial);
}

}  // namespace

VectorFiles::VectorFiles(const OutputSpec& spec, std::size_t width, bool digests,
                         const OutputSizes& keep)
    : spec_(spec), width_(width) {
  check_format(spec.type, width);
  // This one first: its lock keeps other runs away from all of them.
  vectors_ = open_file(spec.path, keep.vectors);
  if (spec.has_ids_file()) ids_ = open_file(spec.ids_path(), keep.ids);
  if (spec.has_scales()) scales_ = open_file(spec.scales_path(), keep.scales);
  errors_ = open_file(spec.errors_path(), keep.errors);
  if (digests) digests_ = open_file(spec.digests_path(), keep.digests);
  const bool rows_are_alike =
      spec.format == VectorFormat::kNpy || spec.format == VectorFormat::kRaw;
  if (rows_are_alike) row_bytes_ = npy_type(spec.type, width).row_bytes();
  if (spec.format == VectorFormat::kNpy) header_bytes_ = kNpyHeaderBytes;
  if (keep == OutputSizes()) remove_unused();
  if (keep.vectors == 0 && spec.format == VectorFormat::kNpz) {
    vectors_->append(sparse_stream_head(width));
  } else if (keep.vectors == 0) {
    vectors_->append(npy_header(0));
  }
  if (scales_ && keep.scales == 0) scales_->append(nestvec::npy_header(kScaleType, 0));
}

void VectorFiles::remove_unused() const {
  if (!ids_) remove_file(partial_path(spec_.ids_path()));
  if (!scales_) remove_file(partial_path(spec_.scales_path()));
  if (!digests_) remove_file(partial_path(spec_.digests_path()));
}

std::string VectorFiles::npy_header(std::uint64_t rows) const {
  if (spec_.format != VectorFormat::kNpy) return {};
  return nestvec::npy_header(npy_type(spec_.type, width_), rows);
}

std::uint64_t VectorFiles::rows() const {
  return row_bytes_ == 0 ? 0 : (vectors_->size() - header_bytes_) / row_bytes_;
}

ArrayRow VectorFiles::pack(std::span<const float> vector) const {
  if (spec_.format != VectorFormat::kJsonLines) return pack_row(vector, spec_.type);
  ArrayRow packed;
  append_json_numbers(vector, packed.bytes, kExactDigits);
  return packed;
}

ArrayRow VectorFiles::null() const {
  if (spec_.format == VectorFormat::kJsonLines) return {"null", 0};
  if (spec_.format == VectorFormat::kNpz) return {sparse_stream_row({}), 0};
  const bool has_nan =
      spec_.type == EmbeddingFormat::kFloat || spec_.type == EmbeddingFormat::kFloat16;
  if (has_nan) return pack(std::vector<float>(width_, kNan));
  return {std::string(row_bytes_, '\0'), kNan};
}

VectorLocation VectorFiles::append(const OutputRow& row, const ArrayRow& packed) {
  VectorLocation location{vectors_->size(), packed.bytes.size()};
  if (spec_.format == VectorFormat::kJsonLines) {
    std::string line;
    JsonObject members(line);
    members.count("index", row.index);
    if (!row.id.empty()) members.raw("id", row.id);
    location.offset += members.key(spec_.sparse ? "sparse" : "embedding").size();
    line += packed.bytes;
    members.end();
    vectors_->append(line += '\n');
    return location;
  }
  vectors_->append(packed.bytes);
  ids_->append((row.id.empty() ? std::to_string(row.index) : std::string(row.id)) + "\n");
  if (scales_) scales_->append(scale_bytes(packed.scale));
  return location;
}

VectorLocation VectorFiles::write(const OutputRow& row, std::span<const float> vector) {
  return append(row, pack(vector));
}

VectorLocation VectorFiles::write(const OutputRow& row, const SparseRowView& vector) {
  const bool json = spec_.format == VectorFormat::kJsonLines;
  return append(row, {json ? sparse_json(vector) : sparse_stream_row(vector), 0});
}

void VectorFiles::repeat(const OutputRow& row, const VectorLocation& location) {
  ArrayRow packed;
  packed.bytes = vectors_->read(location.offset, location.bytes);
  if (scales_) {
    const std::uint64_t place = (location.offset - header_bytes_) / row_bytes_;
    const std::string bytes = scales_->read(kNpyHeaderBytes + place * sizeof(float), sizeof(float));
    std::memcpy(&packed.scale, bytes.data(), sizeof(float));
  }
  append(row, packed);
}

void VectorFiles::write_null(const OutputRow& row) { append(row, null()); }

void VectorFiles::note_error(std::string_view line) { errors_->append(std::string(line) + "\n"); }

OutputSizes VectorFiles::sync() {
  OutputSizes sizes;
  if (spec_.format == VectorFormat::kNpy) vectors_->overwrite(0, npy_header(rows()));
  if (scales_) scales_->overwrite(0, nestvec::npy_header(kScaleType, rows()));
  const auto sync_one = [](GrowingFile* file, std::uint64_t& size) {
    if (file == nullptr) return;
    file->sync();
    size = file->size();
  };
  sync_one(vectors_.get(), sizes.vectors);
  sync_one(ids_.get(), sizes.ids);
  sync_one(scales_.get(), sizes.scales);
  sync_one(errors_.get(), sizes.errors);
  sync_one(digests_.get(), sizes.digests);
  return sizes;
}

void VectorFiles::publish(const OutputSpec& spec, bool errors) {
  if (spec.has_ids_file()) give_name(spec.ids_path());
  if (spec.has_scales()) give_name(spec.scales_path());
  if (errors) {
    give_name(spec.errors_path());
  } else {
    remove_file(partial_path(spec.errors_path()));
    remove_file(spec.errors_path());  // of an earlier run
  }
  if (spec.format == VectorFormat::kNpz) {
    publish_npz(spec.path);
  } else {
    give_name(spec.path);
  }
  remove_file(partial_path(spec.digests_path()));
  sync_folder_of(follow_links(spec.path));
}

void VectorFiles::discard(const OutputSpec& spec) {
  for (const std::string& path :
       {spec.path, spec.ids_path(), spec.scales_path(), spec.errors_path(), spec.digests_path()}) {
    remove_file(partial_path(path));
  }
}

}  // namespace nestvec
