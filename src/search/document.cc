// SPDX-License-Identifier: Apache-2.0
#include "search/document.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <filesystem>

#include "base/content_hash.h"
#include "base/file.h"
#include "base/lower.h"
#include "base/utf8.h"
#include "bulk/file_kind.h"

namespace nestvec {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::size_t kHeadBytes = 512;

std::string read_all(const FileDescriptor& file, const std::string& path, std::uint64_t max_bytes) {
  constexpr std::size_t kPiece = std::size_t{256} << 10;
  std::string text;
  while (true) {
    const std::size_t size = text.size();
    text.resize(size + kPiece);
    const ssize_t count = ::read(file.get(), text.data() + size, kPiece);
    if (count < 0 && errno != EINTR) throw file_error("cannot read", path, errno);
    text.resize(size + static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
    if (count == 0) return text;
    if (text.size() > max_bytes) {
      throw Error(ErrorCode::kResourceExhausted,
                  path + " has grown over " + std::to_string(max_bytes) + " bytes");
    }
  }
}

bool is_plain_text(std::string_view text) {
  return text.find('\0') == std::string_view::npos && !find_foreign(text.substr(0, kHeadBytes)) &&
         is_valid_utf8(text);
}

// Joins sentences to chunks by their tokens.
class ChunkBuilder {
 public:
  ChunkBuilder(std::string_view text, TokenOffsets offsets, const ChunkRules& rules, Pace& pace)
      : text_(text), offsets_(offsets), rules_(rules), pace_(pace) {}

  std::vector<ByteSpan> build() {
    for (const ByteSpan& sentence : split_sentences(text_, pace_)) add(sentence);
    end_chunk();
    if (chunks_.empty()) return {};
    std::vector<std::size_t> ends;
    for (const ByteSpan& chunk : chunks_) ends.push_back(chunk.end);
    if (std::ranges::none_of(offsets_, [](const auto& token) { return token.second > 0; })) {
      return {};
    }
    return merge_without_tokens(chunks_, {chunks_.front().begin, ends, offsets_}, pace_);
  }

 private:
  void add(const ByteSpan& sentence) {
    const std::size_t first = next_;
    while (next_ < offsets_.size() && offsets_[next_].second <= sentence.end) {
      ++next_;
      pace_.spend();
    }
    const std::size_t count = next_ - first;
    const bool heading = rules_.markdown && sentence.of(text_).starts_with('#');
    if (heading || count_ + count > rules_.tokens) end_chunk();
    if (count > rules_.tokens) {
      add_long(sentence, offsets_.subspan(first, count));
      return;
    }
    if (open_.end == open_.begin) open_.begin = sentence.begin;
    open_.end = sentence.end;
    count_ += count;
  }

  void add_long(const ByteSpan& sentence, TokenOffsets tokens) {
    std::vector<std::pair<std::uint32_t, std::uint32_t>> shifted(tokens.begin(), tokens.end());
    const auto begin = static_cast<std::uint32_t>(sentence.begin);
    for (auto& [from, to] : shifted) {
      from -= std::min(from, begin);
      to -= std::min(to, begin);
    }
    for (const ByteSpan& part :
         chunk_by_tokens(sentence.of(text_), shifted, rules_.tokens, pace_)) {
      chunks_.push_back({sentence.begin + part.begin, sentence.begin + part.end});
    }
  }

  void end_chunk() {
    if (open_.end > open_.begin) chunks_.push_back(open_);
    open_ = {};
    count_ = 0;
  }

  std::string_view text_;
  TokenOffsets offsets_;
  const ChunkRules& rules_;
  Pace& pace_;
  std::vector<ByteSpan> chunks_;
  ByteSpan open_;
  std::size_t count_ = 0;  // tokens of it
  std::size_t next_ = 0;   // token
};

}  // namespace

Document read_document(const std::string& path, std::uint64_t max_bytes) {
  const FileDescriptor file(
      ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY));
  if (!file.valid()) throw file_error("cannot open", path, errno);
  struct stat status{};
  if (::fstat(file.get(), &status) != 0) throw file_error("cannot read", path, errno);
  if (!S_ISREG(status.st_mode)) {
    throw Error(ErrorCode::kInvalidArgument, path + " is no regular file");
  }
  Document document;
  document.text = read_all(file, path, max_bytes);
  document.facts.bytes = document.text.size();
  document.facts.modified = status.st_mtim.tv_sec * kSecond + status.st_mtim.tv_nsec;
  const auto now = std::chrono::duration_cast<std::chrono::nanoseconds>(
      std::chrono::system_clock::now().time_since_epoch());
  if (now.count() - document.facts.modified < 2 * kSecond) document.facts.modified = 0;
  ContentHash hash = ContentHash::sha256();
  hash.update(document.text);
  document.facts.digest = hash.finish_bytes();
  document.is_text = is_plain_text(document.text);
  return document;
}

std::vector<ByteSpan> chunk_document(std::string_view text, TokenOffsets offsets,
                                     const ChunkRules& rules, Pace& pace) {
  return ChunkBuilder(text, offsets, rules, pace).build();
}

std::vector<IndexedChunk> describe_chunks(std::string_view text,
                                          const std::vector<ByteSpan>& chunks, Pace& pace) {
  std::vector<IndexedChunk> described;
  std::size_t counted = 0;  // bytes whose lines are
  std::uint32_t line = 1;
  for (const ByteSpan& chunk : chunks) {
    const ByteSpan shown = trim(text, chunk, pace);
    line += static_cast<std::uint32_t>(
        std::count(text.begin() + static_cast<std::ptrdiff_t>(counted),
                   text.begin() + static_cast<std::ptrdiff_t>(shown.begin), '\n'));
    counted = shown.begin;
    described.push_back({shown.begin, shown.end, line, count_words(shown.of(text), pace)});
  }
  return described;
}

bool is_markdown(std::string_view path) {
  const std::string ending = ascii_lower(std::filesystem::path(path).extension().string());
  return ending == ".md" || ending == ".markdown";
}

}  // namespace nestvec
