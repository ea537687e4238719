// SPDX-License-Identifier: Apache-2.0
// Files as text, and their chunks.
#include "search/document.h"

#include <gtest/gtest.h>
#include <utime.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "support/checkpoint.h"
#include "support/error_of.h"

namespace nestvec {
namespace {

namespace fs = std::filesystem;

using Offsets = std::vector<std::pair<std::uint32_t, std::uint32_t>>;

// A token for each run of what is no space.
Offsets word_offsets(std::string_view text) {
  Offsets offsets;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t begin = text.find_first_not_of(" \n", at);
    if (begin == std::string_view::npos) break;
    const std::size_t end = std::min(text.find_first_of(" \n", begin), text.size());
    offsets.emplace_back(static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(end));
    at = end;
  }
  return offsets;
}

std::vector<std::string> chunks_of(std::string_view text, std::size_t tokens, bool markdown) {
  Pace pace;
  const Offsets offsets = word_offsets(text);
  std::vector<std::string> chunks;
  std::size_t end = 0;
  for (const ByteSpan& span : chunk_document(text, offsets, {tokens, markdown}, pace)) {
    EXPECT_EQ(span.begin, end) << "chunks follow each other";
    end = span.end;
    const std::string chunk(trim(text, span, pace).of(text));
    EXPECT_LE(word_offsets(chunk).size(), tokens);
    chunks.push_back(chunk);
  }
  EXPECT_EQ(end, chunks.empty() ? 0 : text.size());
  return chunks;
}

TEST(ChunkDocument, JoinsSentences) {
  EXPECT_EQ(chunks_of("One two. Three four. Five six seven. Eight.", 4, false),
            (std::vector<std::string>{"One two. Three four.", "Five six seven. Eight."}));
  EXPECT_EQ(chunks_of("One.", 4, false), std::vector<std::string>{"One."});
}

TEST(ChunkDocument, CutsALongSentenceBetweenWords) {
  std::string text = "Short one. ";
  for (int i = 0; i < 20; ++i) text += "Word" + std::to_string(i) + " ";
  const std::vector<std::string> chunks = chunks_of(text + "end. Short two.", 6, false);
  EXPECT_EQ(chunks.front(), "Short one.");
  EXPECT_EQ(chunks.back(), "Short two.");
  EXPECT_GE(chunks.size(), 6U);
}

TEST(ChunkDocument, AHeadingBeginsAChunk) {
  const std::string text = "Before it.\n\n# Title\n\nUnder it.\n";
  EXPECT_EQ(chunks_of(text, 100, true),
            (std::vector<std::string>{"Before it.", "# Title\n\nUnder it."}));
  EXPECT_EQ(chunks_of(text, 100, false).size(), 1U);
}

TEST(ChunkDocument, OfNoTokenIsEmpty) {
  EXPECT_TRUE(chunks_of("", 5, false).empty());
  EXPECT_TRUE(chunks_of(" \n\n ", 5, true).empty());
}

TEST(DescribeChunks, HasPlacesLinesAndWords) {
  const std::string text = "\n\nOne two.\n\n# Title\nthe the.\n";
  Pace pace;
  const Offsets offsets = word_offsets(text);
  const auto chunks = describe_chunks(text, chunk_document(text, offsets, {9, true}, pace), pace);
  ASSERT_EQ(chunks.size(), 2U);
  EXPECT_EQ(chunks[0].line, 3U);
  EXPECT_EQ(chunks[1].line, 5U);
  EXPECT_EQ(text.substr(chunks[1].begin, chunks[1].end - chunks[1].begin), "# Title\nthe the.");
  EXPECT_EQ(chunks[1].length(), 3U);
  EXPECT_EQ(chunks[1].words.size(), 2U);
}

TEST(ReadDocument, SaysWhatIsText) {
  const TemporaryFolder folder;
  const std::string path = folder.string() + "/a";
  const auto is_text = [&](const std::string& bytes) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
    return read_document(path, 1000).is_text;
  };
  EXPECT_TRUE(is_text("a text"));
  EXPECT_TRUE(is_text(""));
  EXPECT_TRUE(is_text("\xEF\xBB\xBF\xE7\x8C\xAB"));
  EXPECT_FALSE(is_text(std::string("a\0b", 3)));
  EXPECT_FALSE(is_text("caf\xE9"));
  EXPECT_FALSE(is_text("%PDF-1.7\n"));
}

TEST(ReadDocument, TrustsNoTimeThatIsNow) {
  const TemporaryFolder folder;
  const std::string path = folder.string() + "/a";
  std::ofstream(path) << "a text";
  EXPECT_EQ(read_document(path, 1000).facts.modified, 0);
  const utimbuf then = {1'600'000'000, 1'600'000'000};
  ASSERT_EQ(::utime(path.c_str(), &then), 0);
  EXPECT_EQ(read_document(path, 1000).facts.modified, 1'600'000'000'000'000'000);
}

TEST(ReadDocument, ReadsNoLinkAndNoMoreThanTheLimit) {
  const TemporaryFolder folder;
  const std::string path = folder.string() + "/a";
  std::ofstream(path) << std::string(1001, 'x');
  EXPECT_NE(error_of([&] { read_document(path, 1000); }, ErrorCode::kResourceExhausted), "");
  EXPECT_EQ(read_document(path, 1001).facts.bytes, 1001U);
  fs::create_symlink(path, path + "-link");
  EXPECT_THROW(read_document(path + "-link", 10000), Error);
  EXPECT_THROW(read_document(folder.string(), 10000), Error);
}

}  // namespace
}  // namespace nestvec
