// SPDX-License-Identifier: Apache-2.0
// The zip archive that torch.save writes: entries stored as they are, aligned, never compressed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "nestvec/error.h"

namespace nestvec {

// "PATH: byte OFFSET: MESSAGE" on one line.
Error torch_error(ErrorCode code, const std::string& path, std::size_t offset,
                  const std::string& message);

// An entry and its bytes, both inside the archive.
struct ZipEntry {
  std::string_view name;
  std::span<const std::byte> bytes;
  std::size_t offset = 0;  // of the bytes in the archive
};

// The entries of a zip archive in memory, sorted by name, with or without zip64. Views into `file`,
// whose directory has 46 bytes or more for each. Throws Error: kUnimplemented for a compressed or
// encrypted entry and an archive of several parts, kDataLoss for a broken one (its directory, a
// local header that differs from it, an entry outside the file, a name that stands twice).
std::vector<ZipEntry> read_zip_directory(std::span<const std::byte> file, const std::string& path);

// The entry of that name, or nullptr.
const ZipEntry* find_zip_entry(const std::vector<ZipEntry>& entries, std::string_view name);

}  // namespace nestvec
