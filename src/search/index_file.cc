// SPDX-License-Identifier: Apache-2.0
#include "search/index_file.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <functional>
#include <span>
#include <type_traits>

#include "base/content_hash.h"
#include "base/file.h"
#include "base/mapped_file.h"
#include "base/utf8.h"

namespace nestvec {
namespace {

static_assert(std::endian::native == std::endian::little, "an index file is little-endian");

constexpr std::string_view kMagic = "nvsearch";
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kChecksumBytes = 32;
constexpr std::size_t kMostPathBytes = 4096;
constexpr std::size_t kMostNameBytes = 4096;
constexpr std::uint32_t kMostDimensions = 65536;
constexpr std::size_t kSavedAtOnce = std::size_t{1} << 20;

// The least bytes that one of each takes in the file.
constexpr std::size_t kWordBytes = 12;
constexpr std::size_t kChunkBytes = 8 + 8 + 4 + 4;
constexpr std::size_t kFileBytes = 4 + 8 + 8 + 32 + 4;

template <typename Value>
void put(std::string& out, Value value) {
  static_assert(std::is_arithmetic_v<Value>);
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

void put_text(std::string& out, std::string_view text) {
  put(out, static_cast<std::uint32_t>(text.size()));
  out += text;
}

void put_file(std::string& out, const IndexedFile& file) {
  put_text(out, file.path);
  put(out, file.facts.bytes);
  put(out, file.facts.modified);
  out.append(reinterpret_cast<const char*>(file.facts.digest.data()), file.facts.digest.size());
  put(out, static_cast<std::uint32_t>(file.chunks.size()));
  for (const IndexedChunk& chunk : file.chunks) {
    put(out, chunk.begin);
    put(out, chunk.end);
    put(out, chunk.line);
    put(out, static_cast<std::uint32_t>(chunk.words.size()));
    for (const WordCount& word : chunk.words) {
      put(out, word.word);
      put(out, word.count);
    }
  }
  out.append(reinterpret_cast<const char*>(file.vectors.data()),
             file.vectors.size() * sizeof(float));
}

// Gives the bytes of an index to `sink`, in pieces.
void write_index(const SearchIndex& index, const std::function<void(std::string_view)>& sink) {
  ContentHash hash = ContentHash::sha256();
  std::string out(kMagic);
  const auto flush = [&] {
    hash.update(out);
    sink(out);
    out.clear();
  };
  put(out, kVersion);
  put_text(out, index.settings.model_id);
  put_text(out, index.settings.model_digest);
  put(out, index.settings.dimensions);
  put(out, index.settings.chunk_tokens);
  put(out, static_cast<std::uint8_t>(index.settings.late));
  put(out, static_cast<std::uint32_t>(index.files.size()));
  for (const IndexedFile& file : index.files) {
    put_file(out, file);
    if (out.size() >= kSavedAtOnce) flush();
  }
  flush();
  const std::array<std::uint8_t, kChecksumBytes> digest = hash.finish_bytes();
  sink({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

// A path that stays below the folder.
bool is_path_below(std::string_view path) {
  if (path.empty() || path.find('\0') != std::string_view::npos) return false;
  for (std::size_t begin = 0; begin <= path.size();) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    const std::string_view part = path.substr(begin, end - begin);
    if (part.empty() || part == "." || part == "..") return false;
    begin = end + 1;
  }
  return true;
}

class IndexReader {
 public:
  IndexReader(std::string_view bytes, const std::string& name) : left_(bytes), name_(name) {}

  SearchIndex read() {
    check_frame();
    SearchIndex index;
    index.settings = read_settings();
    const std::size_t files = count_of(kFileBytes);
    for (std::size_t i = 0; i < files; ++i) {
      index.files.push_back(read_file(index.settings.dimensions));
      if (i > 0 && index.files[i].path <= index.files[i - 1].path) damaged("files out of order");
    }
    if (!left_.empty()) damaged("bytes behind its end");
    return index;
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw Error(ErrorCode::kDataLoss, name_ + " " + what);
  }
  [[noreturn]] void damaged(const std::string& what) const {
    fail("is damaged (" + what + "); make it anew with --rebuild");
  }

  void check_frame() {
    if (!left_.starts_with(kMagic)) {
      fail("is not an index of nestvec search; remove it, or replace it with --rebuild");
    }
    left_.remove_prefix(kMagic.size());
    const std::string_view hashed_from = left_;
    const auto version = get<std::uint32_t>();
    if (version != kVersion) {
      fail("has format " + std::to_string(version) + ", and this nestvec reads format " +
           std::to_string(kVersion) + "; make it anew with --rebuild");
    }
    if (left_.size() < kChecksumBytes) damaged("it is cut short");
    const std::string_view sum = left_.substr(left_.size() - kChecksumBytes);
    ContentHash hash = ContentHash::sha256();
    hash.update(kMagic);
    hash.update(hashed_from.substr(0, hashed_from.size() - kChecksumBytes));
    const auto digest = hash.finish_bytes();
    if (std::memcmp(digest.data(), sum.data(), kChecksumBytes) != 0)
      damaged("its checksum differs");
    left_.remove_suffix(kChecksumBytes);
  }

  IndexSettings read_settings() {
    IndexSettings settings;
    settings.model_id = text(kMostNameBytes);
    settings.model_digest = text(kMostNameBytes);
    if (!is_valid_utf8(settings.model_id)) damaged("the name of its model");
    settings.dimensions = get<std::uint32_t>();
    if (settings.dimensions == 0 || settings.dimensions > kMostDimensions) damaged("dimensions");
    settings.chunk_tokens = get<std::uint32_t>();
    if (settings.chunk_tokens == 0) damaged("the size of its chunks");
    const auto late = get<std::uint8_t>();
    if (late > 1) damaged("a switch");
    settings.late = late == 1;
    return settings;
  }

  IndexedFile read_file(std::uint32_t dimensions) {
    IndexedFile file;
    file.path = text(kMostPathBytes);
    if (!is_path_below(file.path)) damaged("the path of a file");
    file.facts.bytes = get<std::uint64_t>();
    file.facts.modified = get<std::int64_t>();
    const std::string_view digest = take(file.facts.digest.size());
    std::memcpy(file.facts.digest.data(), digest.data(), digest.size());
    const std::size_t chunks = count_of(kChunkBytes + dimensions * sizeof(float));
    std::uint64_t after = 0;
    for (std::size_t i = 0; i < chunks; ++i) {
      file.chunks.push_back(read_chunk());
      const IndexedChunk& chunk = file.chunks.back();
      if (chunk.begin < after || chunk.end <= chunk.begin || chunk.end > file.facts.bytes) {
        damaged("the place of a chunk");
      }
      after = chunk.end;
    }
    const std::size_t values = chunks * dimensions;
    const std::string_view vectors = take(values * sizeof(float));
    file.vectors.resize(values);
    if (values > 0) std::memcpy(file.vectors.data(), vectors.data(), vectors.size());
    if (!std::ranges::all_of(file.vectors, [](float value) { return std::isfinite(value); })) {
      damaged("a vector");
    }
    return file;
  }

  IndexedChunk read_chunk() {
    IndexedChunk chunk;
    chunk.begin = get<std::uint64_t>();
    chunk.end = get<std::uint64_t>();
    chunk.line = get<std::uint32_t>();
    if (chunk.line == 0) damaged("a line");
    chunk.words.resize(count_of(kWordBytes));
    for (std::size_t i = 0; i < chunk.words.size(); ++i) {
      chunk.words[i].word = get<WordId>();
      chunk.words[i].count = get<std::uint32_t>();
      const bool ordered = i == 0 || chunk.words[i - 1].word < chunk.words[i].word;
      if (!ordered || chunk.words[i].count == 0) damaged("the words of a chunk");
    }
    return chunk;
  }

  std::string_view take(std::size_t bytes) {
    if (bytes > left_.size()) damaged("it is cut short");
    const std::string_view taken = left_.substr(0, bytes);
    left_.remove_prefix(bytes);
    return taken;
  }

  template <typename Value>
  Value get() {
    Value value{};
    const std::string_view bytes = take(sizeof value);
    std::memcpy(&value, bytes.data(), sizeof value);
    return value;
  }

  std::string text(std::size_t most) {
    const auto size = get<std::uint32_t>();
    if (size > most) damaged("a name is too long");
    return std::string(take(size));
  }

  // A number of things of at least `each` bytes, which can all be there.
  std::size_t count_of(std::size_t each) {
    const auto count = get<std::uint32_t>();
    if (count > left_.size() / each) damaged("a count");
    return count;
  }

  std::string_view left_;
  const std::string& name_;
};

}  // namespace

std::uint64_t IndexedChunk::length() const {
  std::uint64_t sum = 0;
  for (const WordCount& word : words) sum += word.count;
  return sum;
}

std::size_t SearchIndex::chunks() const {
  std::size_t sum = 0;
  for (const IndexedFile& file : files) sum += file.chunks.size();
  return sum;
}

std::string index_bytes(const SearchIndex& index) {
  std::string bytes;
  write_index(index, [&bytes](std::string_view piece) { bytes += piece; });
  return bytes;
}

SearchIndex parse_index(std::string_view bytes, const std::string& name) {
  return IndexReader(bytes, name).read();
}

std::optional<SearchIndex> load_index(const std::string& path) {
  try {
    const MappedFile file(path);
    return parse_index(file.text(), path);
  } catch (const Error& error) {
    if (error.code() == ErrorCode::kNotFound) return std::nullopt;
    throw;
  }
}

void save_index(const SearchIndex& index, const std::string& path) {
  AtomicFile file(path);
  write_index(index, [&file](std::string_view piece) { file.write(piece); });
  file.commit();
}

}  // namespace nestvec
