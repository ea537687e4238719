// SPDX-License-Identifier: Apache-2.0
#include "bulk/dedupe_table.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

namespace nestvec {
namespace {

using Record = std::array<std::uint64_t, 4>;  // digest, offset, bytes

}  // namespace

bool DedupeTable::add(const TextDigest& digest) {
  const std::lock_guard lock(mutex_);
  return seen_.try_emplace(digest).second;
}

VectorLocation DedupeTable::find(const TextDigest& digest) const {
  const std::lock_guard lock(mutex_);
  return seen_.at(digest);
}

void DedupeTable::place(const TextDigest& digest, const VectorLocation& location) {
  const std::lock_guard lock(mutex_);
  seen_[digest] = location;
}

std::string DedupeTable::record(const TextDigest& digest, const VectorLocation& location) {
  const Record record = {digest.words[0], digest.words[1], location.offset, location.bytes};
  std::string bytes(sizeof(record), '\0');
  std::memcpy(bytes.data(), record.data(), sizeof(record));
  return bytes;
}

void DedupeTable::load(GrowingFile& file) {
  constexpr std::uint64_t kPiece = sizeof(Record) * 4096;
  if (file.size() % sizeof(Record) != 0) {
    throw Error(ErrorCode::kDataLoss, file.path() + " is truncated; start over with --restart");
  }
  for (std::uint64_t at = 0; at < file.size(); at += kPiece) {
    const std::string bytes =
        file.read(at, static_cast<std::size_t>(std::min(kPiece, file.size() - at)));
    for (std::size_t i = 0; i < bytes.size(); i += sizeof(Record)) {
      Record record;
      std::memcpy(record.data(), bytes.data() + i, sizeof(record));
      place({{record[0], record[1]}}, {record[2], record[3]});
    }
  }
}

}  // namespace nestvec
