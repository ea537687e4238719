// SPDX-License-Identifier: Apache-2.0
#include "weights/torch_zip.h"

#include <algorithm>
#include <cstring>

#include "base/excerpt.h"

namespace nestvec {
namespace {

constexpr std::uint32_t kLocalHeader = 0x04034b50;
constexpr std::uint32_t kDirectoryHeader = 0x02014b50;
constexpr std::uint32_t kEndOfDirectory = 0x06054b50;
constexpr std::size_t kLocalSize = 30;
constexpr std::size_t kDirectorySize = 46;
constexpr std::size_t kEndSize = 22;
constexpr std::size_t kMaxComment = 0xffff;
// What does not fit its field stands in records of zip64 (APPNOTE 4.3.14, 4.3.15, 4.5.3) instead.
constexpr std::uint32_t kInZip64 = 0xffffffff;
constexpr std::uint16_t kCountInZip64 = 0xffff;
constexpr std::uint32_t kZip64End = 0x06064b50;
constexpr std::uint32_t kZip64Locator = 0x07064b50;
constexpr std::size_t kZip64EndSize = 56;
constexpr std::size_t kZip64LocatorSize = 20;
constexpr std::uint16_t kZip64Extra = 1;  // the kind of an extra field

// Little-endian fields of a record of the archive. Ranges are checked by who makes one.
class ZipRecord {
 public:
  ZipRecord(std::span<const std::byte> file, std::size_t offset)
      : bytes_(file.subspan(offset)), offset_(offset) {}

  std::uint16_t u16(std::size_t at) const { return load<std::uint16_t>(at); }
  std::uint32_t u32(std::size_t at) const { return load<std::uint32_t>(at); }
  std::uint64_t u64(std::size_t at) const { return load<std::uint64_t>(at); }
  std::string_view text(std::size_t at, std::size_t size) const {
    return {reinterpret_cast<const char*>(bytes_.data()) + at, size};
  }
  std::size_t offset() const { return offset_; }

 private:
  template <typename T>
  T load(std::size_t at) const {
    T value;
    std::memcpy(&value, bytes_.data() + at, sizeof(value));
    return value;
  }

  std::span<const std::byte> bytes_;
  std::size_t offset_;
};

class ZipDirectory {
 public:
  ZipDirectory(std::span<const std::byte> file, const std::string& path)
      : file_(file), path_(path) {}

  std::vector<ZipEntry> read() {
    find_end();
    std::vector<ZipEntry> entries;
    std::size_t at = begin_;
    for (std::size_t i = 0; i < count_; ++i) {
      if (end_ - at < kDirectorySize) throw broken(at, "the directory ends within an entry");
      const ZipRecord record(file_, at);
      if (record.u32(0) != kDirectoryHeader)
        throw broken(at, "no entry of the directory begins here");
      const std::size_t size =
          kDirectorySize + std::size_t{record.u16(28)} + record.u16(30) + record.u16(32);
      if (size > end_ - at) throw broken(at, "the directory ends within an entry");
      entries.push_back(read_entry(record));
      at += size;
    }
    if (at != end_) throw broken(at, "the directory has bytes behind its last entry");
    sort(entries);
    return entries;
  }

 private:
  Error broken(std::size_t at, const std::string& what) const {
    return torch_error(ErrorCode::kDataLoss, path_, at,
                       what + "; the file is damaged, fetch it again");
  }
  Error unsupported(std::size_t at, const std::string& what) const {
    return torch_error(ErrorCode::kUnimplemented, path_, at,
                       what + "; save the tensors as safetensors");
  }

  // The record at the end may be followed by a comment, so it is searched from behind.
  void find_end() {
    if (file_.size() < kEndSize) throw broken(0, "too few bytes for a zip archive");
    const std::size_t last = file_.size() - kEndSize;
    const std::size_t first = last - std::min(last, kMaxComment);
    for (std::size_t at = last + 1; at-- > first;) {
      const ZipRecord record(file_, at);
      if (record.u32(0) != kEndOfDirectory) continue;
      if (at + kEndSize + record.u16(20) != file_.size()) continue;
      return read_end(record);
    }
    throw broken(last, "no end of a zip archive is found");
  }

  void read_end(const ZipRecord& record) {
    const std::size_t at = record.offset();
    const std::uint16_t count = record.u16(10);
    const std::uint32_t size = record.u32(12);
    const std::uint32_t begin = record.u32(16);
    if (record.u16(4) != 0 || record.u16(6) != 0 || record.u16(8) != count) {
      throw unsupported(at, "the zip archive has several parts");
    }
    if (count == kCountInZip64 || size == kInZip64 || begin == kInZip64) {
      return read_zip64_end(at);
    }
    set_directory(at, {count, size, begin});
  }

  // `end` is where the record without zip64 begins: the locator lies before it and says where the
  // record with zip64 is.
  void read_zip64_end(std::size_t end) {
    if (end < kZip64LocatorSize) throw broken(end, "no place of the end with zip64 is found");
    const ZipRecord locator(file_, end - kZip64LocatorSize);
    if (locator.u32(0) != kZip64Locator) {
      throw broken(locator.offset(), "no place of the end with zip64 is found");
    }
    const std::uint64_t at = locator.u64(8);
    if (locator.u32(4) != 0 || locator.u32(16) > 1) {
      throw unsupported(locator.offset(), "the zip archive has several parts");
    }
    if (at > locator.offset() || locator.offset() - at < kZip64EndSize) {
      throw broken(locator.offset(), "the end with zip64 at byte " + std::to_string(at) +
                                         " does not lie before its place");
    }
    const ZipRecord record(file_, at);
    if (record.u32(0) != kZip64End) throw broken(at, "no end with zip64 begins here");
    if (record.u32(16) != 0 || record.u32(20) != 0 || record.u64(24) != record.u64(32)) {
      throw unsupported(at, "the zip archive has several parts");
    }
    set_directory(at, {record.u64(32), record.u64(40), record.u64(48)});
  }

  struct Directory {
    std::uint64_t count;
    std::uint64_t size;
    std::uint64_t begin;
  };

  // `end` begins the record that says where the directory is.
  void set_directory(std::size_t end, const Directory& directory) {
    if (directory.begin > end || directory.size > end - directory.begin) {
      throw broken(end, "the directory, " + std::to_string(directory.size) + " bytes at byte " +
                            std::to_string(directory.begin) + ", does not lie before its end");
    }
    count_ = directory.count;
    begin_ = directory.begin;
    end_ = begin_ + directory.size;
  }

  // The sizes and the place of an entry, of the directory's record or of its field of zip64, which
  // has those alone that the record has not, in this order.
  struct Extent {
    std::uint64_t size;
    std::uint64_t stored;
    std::uint64_t local;
  };

  Extent extent_of(const ZipRecord& record, const std::string& quoted) const {
    Extent extent{record.u32(24), record.u32(20), record.u32(42)};
    const std::size_t extra_end = kDirectorySize + std::size_t{record.u16(28)} + record.u16(30);
    std::size_t at = kDirectorySize + record.u16(28);
    while (extra_end - at >= 4 && record.u16(at) != kZip64Extra) {
      const std::size_t size = 4 + std::size_t{record.u16(at + 2)};
      at = size > extra_end - at ? extra_end : at + size;
    }
    std::size_t left = 0;  // bytes of the field
    if (extra_end - at >= 4) {
      left = std::min<std::size_t>(record.u16(at + 2), extra_end - at - 4);
      at += 4;
    }
    for (std::uint64_t* value : {&extent.size, &extent.stored, &extent.local}) {
      if (*value != kInZip64) continue;
      if (left < sizeof(std::uint64_t)) {
        throw broken(record.offset(), quoted + " has no field of zip64 for what it needs");
      }
      *value = record.u64(at);
      at += sizeof(std::uint64_t);
      left -= sizeof(std::uint64_t);
    }
    return extent;
  }

  ZipEntry read_entry(const ZipRecord& record) const {
    const std::size_t at = record.offset();
    ZipEntry entry;
    entry.name = record.text(kDirectorySize, record.u16(28));
    const std::string quoted = "entry " + excerpt(entry.name);
    if ((record.u16(8) & 1) != 0) throw unsupported(at, quoted + " is encrypted");
    if (record.u16(10) != 0) throw unsupported(at, quoted + " is compressed");
    if (record.u16(34) != 0) throw unsupported(at, quoted + " lies in another part");
    const auto [size, stored, local] = extent_of(record, quoted);
    if (stored != size) {
      throw broken(at, quoted + " is stored in " + std::to_string(stored) + " bytes, but has " +
                           std::to_string(size));
    }
    if (local > begin_ || begin_ - local < kLocalSize) {
      throw broken(at, quoted + " begins at byte " + std::to_string(local) +
                           ", which is not before the directory");
    }
    entry.offset = data_offset(ZipRecord(file_, local), entry.name);
    if (size > begin_ - entry.offset) {
      throw broken(at, quoted + " of " + std::to_string(size) + " bytes at byte " +
                           std::to_string(entry.offset) + " reaches into the directory");
    }
    entry.bytes = file_.subspan(entry.offset, size);
    return entry;
  }

  // Where the bytes of an entry begin; its local header has to agree with the directory.
  std::size_t data_offset(const ZipRecord& local, std::string_view name) const {
    const std::size_t at = local.offset();
    if (local.u32(0) != kLocalHeader) throw broken(at, "no entry begins here");
    const std::size_t head = kLocalSize + std::size_t{local.u16(26)} + local.u16(28);
    if (head > begin_ - at) throw broken(at, "the head of an entry reaches into the directory");
    if (local.text(kLocalSize, local.u16(26)) != name || local.u16(8) != 0) {
      throw broken(at, "the head of entry " + excerpt(name) + " differs from the directory");
    }
    return at + head;
  }

  void sort(std::vector<ZipEntry>& entries) const {
    std::sort(entries.begin(), entries.end(),
              [](const ZipEntry& a, const ZipEntry& b) { return a.name < b.name; });
    const auto twice =
        std::adjacent_find(entries.begin(), entries.end(),
                           [](const ZipEntry& a, const ZipEntry& b) { return a.name == b.name; });
    if (twice != entries.end()) {
      throw broken(twice->offset, "entry " + excerpt(twice->name) + " stands twice");
    }
  }

  std::span<const std::byte> file_;
  const std::string& path_;
  std::size_t begin_ = 0;  // of the directory
  std::size_t end_ = 0;
  std::size_t count_ = 0;
};

}  // namespace

Error torch_error(ErrorCode code, const std::string& path, std::size_t offset,
                  const std::string& message) {
  return Error(code, one_line(path + ": byte " + std::to_string(offset) + ": " + message));
}

std::vector<ZipEntry> read_zip_directory(std::span<const std::byte> file, const std::string& path) {
  return ZipDirectory(file, path).read();
}

const ZipEntry* find_zip_entry(const std::vector<ZipEntry>& entries, std::string_view name) {
  const auto place = std::lower_bound(
      entries.begin(), entries.end(), name,
      [](const ZipEntry& entry, std::string_view wanted) { return entry.name < wanted; });
  return place != entries.end() && place->name == name ? &*place : nullptr;
}

}  // namespace nestvec
