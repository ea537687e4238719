// SPDX-License-Identifier: Apache-2.0
#include "bulk/sparse_rows.h"

#include <cstring>
#include <functional>
#include <string_view>
#include <vector>

#include "base/compression.h"
#include "base/file.h"
#include "base/json.h"
#include "base/json_writer.h"
#include "base/mapped_file.h"
#include "nestvec/error.h"
#include "output/npy.h"

namespace nestvec {
namespace {

// A float needs so many digits to read back as the same float.
constexpr int kWeightDigits = 9;
constexpr std::size_t kHeadBytes = sizeof(std::uint64_t);

template <typename Value>
void append_bytes(Value value, std::string& out) {
  out.append(reinterpret_cast<const char*>(&value), sizeof(value));
}

template <typename Value>
std::string_view bytes_of(std::span<const Value> values) {
  return {reinterpret_cast<const char*>(values.data()), values.size_bytes()};
}

template <typename Value>
Value read_value(std::string_view bytes, std::size_t at) {
  Value value{};
  std::memcpy(&value, bytes.data() + at, sizeof(value));
  return value;
}

// A row as the stream has it: its token ids and its weights, as bytes.
struct StreamRow {
  std::uint32_t count = 0;
  std::string_view indices;
  std::string_view weights;
};

class SparseStream {
 public:
  explicit SparseStream(const std::string& path) : file_(path) {
    if (file_.size() < kHeadBytes) throw cut();
  }

  std::uint64_t vocabulary() const { return read_value<std::uint64_t>(file_.text(), 0); }

  void for_each_row(const std::function<void(const StreamRow& row)>& use) const {
    const std::string_view text = file_.text();
    for (std::size_t at = kHeadBytes; at < text.size();) {
      constexpr std::size_t kCount = sizeof(std::uint32_t);
      if (text.size() - at < kCount) throw cut();
      const auto count = read_value<std::uint32_t>(text, at);
      const std::size_t bytes = std::size_t{count} * sizeof(float);
      if ((text.size() - at - kCount) / 2 < bytes) throw cut();
      use({count, text.substr(at + kCount, bytes), text.substr(at + kCount + bytes, bytes)});
      at += kCount + 2 * bytes;
    }
  }

 private:
  Error cut() const {
    return Error(ErrorCode::kDataLoss,
                 file_.path() + " ends within a row; start over with --restart");
  }

  MappedFile file_;
};

// A ZIP archive whose members are stored as they are, with 64-bit sizes behind them, so that each
// is written in one pass (https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT).
class ZipWriter {
 public:
  explicit ZipWriter(AtomicFile& file) : file_(file) {}

  void begin(std::string_view name) {
    members_.push_back({std::string(name), file_.written(), 0, 0});
    std::string head;
    append_bytes(std::uint32_t{0x04034b50}, head);
    append_fixed(head);
    append_bytes(std::uint32_t{0}, head);  // the checksum follows the data, and so do the sizes
    for (int i = 0; i < 2; ++i) append_bytes(kIn64, head);
    append_bytes(static_cast<std::uint16_t>(name.size()), head);
    append_bytes(std::uint16_t{4 + 2 * sizeof(std::uint64_t)}, head);
    head += name;
    append_bytes(kExtraIn64, head);
    append_bytes(std::uint16_t{2 * sizeof(std::uint64_t)}, head);
    for (int i = 0; i < 2; ++i) append_bytes(std::uint64_t{0}, head);
    file_.write(head);
  }

  void write(std::string_view bytes) {
    Member& member = members_.back();
    member.checksum = crc32_of(bytes, member.checksum);
    member.bytes += bytes.size();
    buffer_ += bytes;
    if (buffer_.size() >= kBuffer) flush();
  }

  void end() {
    flush();
    const Member& member = members_.back();
    std::string tail;
    append_bytes(std::uint32_t{0x08074b50}, tail);
    append_bytes(member.checksum, tail);
    append_bytes(member.bytes, tail);
    append_bytes(member.bytes, tail);
    file_.write(tail);
  }

  void finish() {
    const std::uint64_t begin = file_.written();
    for (const Member& member : members_) file_.write(entry(member));
    const std::uint64_t end = file_.written();
    std::string out;
    append_bytes(std::uint32_t{0x06064b50}, out);
    append_bytes(std::uint64_t{44}, out);  // bytes of this record that follow
    append_bytes(kVersion, out);
    append_bytes(kVersion, out);
    append_bytes(std::uint64_t{0}, out);  // disks
    append_bytes(std::uint64_t{members_.size()}, out);
    append_bytes(std::uint64_t{members_.size()}, out);
    append_bytes(end - begin, out);
    append_bytes(begin, out);
    append_bytes(std::uint32_t{0x07064b50}, out);
    append_bytes(std::uint32_t{0}, out);
    append_bytes(end, out);
    append_bytes(std::uint32_t{1}, out);
    append_bytes(std::uint32_t{0x06054b50}, out);
    append_bytes(std::uint32_t{0}, out);
    for (int i = 0; i < 2; ++i) append_bytes(static_cast<std::uint16_t>(members_.size()), out);
    for (int i = 0; i < 2; ++i) append_bytes(kIn64, out);
    append_bytes(std::uint16_t{0}, out);
    file_.write(out);
  }

 private:
  static constexpr std::uint16_t kVersion = 45;  // the first with 64-bit sizes
  static constexpr std::uint32_t kIn64 = 0xFFFFFFFF;
  static constexpr std::uint16_t kExtraIn64 = 1;
  static constexpr std::size_t kBuffer = std::size_t{256} << 10;

  struct Member {
    std::string name;
    std::uint64_t begin;
    std::uint64_t bytes;
    std::uint32_t checksum;
  };

  void flush() {
    file_.write(buffer_);
    buffer_.clear();
  }

  // What the head of a member and its entry in the directory have in common.
  static void append_fixed(std::string& out) {
    append_bytes(kVersion, out);
    append_bytes(std::uint16_t{1U << 3}, out);  // checksum and sizes follow the data
    append_bytes(std::uint16_t{0}, out);        // stored
    append_bytes(std::uint16_t{0}, out);
    append_bytes(std::uint16_t{(1U << 5) | 1U}, out);  // 1980-01-01: the same bytes at any time
  }

  static std::string entry(const Member& member) {
    std::string extra;
    append_bytes(kExtraIn64, extra);
    append_bytes(std::uint16_t{3 * sizeof(std::uint64_t)}, extra);
    append_bytes(member.bytes, extra);
    append_bytes(member.bytes, extra);
    append_bytes(member.begin, extra);
    std::string out;
    append_bytes(std::uint32_t{0x02014b50}, out);
    append_bytes(kVersion, out);
    append_fixed(out);
    append_bytes(member.checksum, out);
    for (int i = 0; i < 2; ++i) append_bytes(kIn64, out);
    append_bytes(static_cast<std::uint16_t>(member.name.size()), out);
    append_bytes(static_cast<std::uint16_t>(extra.size()), out);
    for (int i = 0; i < 3; ++i) append_bytes(std::uint16_t{0}, out);
    append_bytes(std::uint32_t{0}, out);
    append_bytes(kIn64, out);
    return out + member.name + extra;
  }

  AtomicFile& file_;
  std::string buffer_;
  std::vector<Member> members_;
};

std::string array_head(std::string_view descr, std::uint64_t size) {
  return npy_header({descr, 0, std::nullopt}, size);
}

// The bytes "csr" as an array without dimensions.
std::string format_array() {
  std::string head = array_head("|S3", 1);
  const std::string shape = "'shape': (1,)";
  return head.replace(head.find(shape), shape.size(), "'shape': ()  ") + "csr";
}

}  // namespace

SparseRowView sparse_row(const SparseVectors& vectors, std::size_t i) {
  const std::size_t begin = vectors.starts[i];
  const std::size_t count = vectors.starts[i + 1] - begin;
  return {std::span(vectors.indices).subspan(begin, count),
          std::span(vectors.weights).subspan(begin, count)};
}

std::string sparse_json(const SparseRowView& row) {
  std::string out;
  JsonObject members(out);
  JsonArray ids(members.key("indices"));
  for (const std::uint32_t id : row.indices) ids.count(id);
  ids.end();
  append_json_numbers(row.weights, members.key("values"), kWeightDigits);
  members.end();
  return out;
}

std::string sparse_stream_head(std::size_t vocabulary) {
  std::string out;
  append_bytes(std::uint64_t{vocabulary}, out);
  return out;
}

std::string sparse_stream_row(const SparseRowView& row) {
  std::string out;
  append_bytes(static_cast<std::uint32_t>(row.indices.size()), out);
  return out.append(bytes_of(row.indices)).append(bytes_of(row.weights));
}

void write_npz(const std::string& from, const std::string& to) {
  const SparseStream stream(from);
  std::uint64_t rows = 0;
  std::uint64_t entries = 0;
  stream.for_each_row([&](const StreamRow& row) {
    ++rows;
    entries += row.count;
  });
  AtomicFile file(follow_links(to));
  ZipWriter archive(file);
  archive.begin("indices.npy");
  archive.write(array_head("<i4", entries));
  stream.for_each_row([&](const StreamRow& row) { archive.write(row.indices); });
  archive.end();
  archive.begin("indptr.npy");
  archive.write(array_head("<i8", rows + 1));
  std::uint64_t place = 0;
  const auto write_place = [&] {
    archive.write(bytes_of(std::span<const std::uint64_t>(&place, 1)));
  };
  write_place();
  stream.for_each_row([&](const StreamRow& row) {
    place += row.count;
    write_place();
  });
  archive.end();
  archive.begin("format.npy");
  archive.write(format_array());
  archive.end();
  archive.begin("shape.npy");
  const std::uint64_t shape[] = {rows, stream.vocabulary()};
  archive.write(array_head("<i8", 2));
  archive.write(bytes_of(std::span<const std::uint64_t>(shape)));
  archive.end();
  archive.begin("data.npy");
  archive.write(array_head("<f4", entries));
  stream.for_each_row([&](const StreamRow& row) { archive.write(row.weights); });
  archive.end();
  archive.finish();
  file.commit();
}

}  // namespace nestvec
