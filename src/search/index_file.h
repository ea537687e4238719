// SPDX-License-Identifier: Apache-2.0
// The index of a folder: which files it had, their chunks, and what is searched of each chunk.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "search/words.h"

namespace nestvec {

struct IndexedChunk {
  std::uint64_t begin = 0;  // bytes of the file
  std::uint64_t end = 0;
  std::uint32_t line = 1;  // on which it begins
  std::vector<WordCount> words;

  std::uint64_t length() const;  // in words
  bool operator==(const IndexedChunk&) const = default;
};

// What tells that a file has changed.
struct FileFacts {
  std::uint64_t bytes = 0;
  // Nanoseconds since 1970; 0 = not to be relied on, since the file might have been written again
  // within the same tick of the clock.
  std::int64_t modified = 0;
  std::array<std::uint8_t, 32> digest{};  // SHA-256
  bool operator==(const FileFacts&) const = default;
};

struct IndexedFile {
  std::string path;  // below the folder
  FileFacts facts;
  std::vector<IndexedChunk> chunks;  // none of a file that is no text
  std::vector<float> vectors;        // [chunks, dimensions], row-major, of length 1
  bool operator==(const IndexedFile&) const = default;
};

// What decides the vectors, besides the files.
struct IndexSettings {
  std::string model_id;  // for people
  std::string model_digest;
  std::uint32_t dimensions = 0;
  std::uint32_t chunk_tokens = 0;
  bool late = false;
  bool operator==(const IndexSettings&) const = default;
};

struct SearchIndex {
  IndexSettings settings;
  std::vector<IndexedFile> files;  // ascending by path

  std::size_t chunks() const;
  bool operator==(const SearchIndex&) const = default;
};

// The bytes of an index file: a mark, a version, the settings, the files, and a SHA-256 of all
// that.
std::string index_bytes(const SearchIndex& index);

// `name` is for errors. Every count is checked against the bytes that are left before memory is
// taken for it. Throws Error kDataLoss for what index_bytes() does not write.
SearchIndex parse_index(std::string_view bytes, const std::string& name);

// The file at `path`; nullopt where there is none. Throws Error as MappedFile and parse_index.
std::optional<SearchIndex> load_index(const std::string& path);
// Replaces the file; it is on the disk when this returns. Throws Error as AtomicFile.
void save_index(const SearchIndex& index, const std::string& path);

}  // namespace nestvec
