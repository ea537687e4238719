// SPDX-License-Identifier: Apache-2.0
// A file as text, and its chunks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/pace.h"
#include "search/index_file.h"
#include "text/chunking.h"

namespace nestvec {

struct Document {
  FileFacts facts;
  std::string text;
  bool is_text = false;  // UTF-8 without a NUL byte, and no known kind of another file
};

// Reads a regular file that is no symbolic link. Blocks. Throws Error as file_error;
// kResourceExhausted over `max_bytes`, kInvalidArgument for another kind of file.
Document read_document(const std::string& path, std::uint64_t max_bytes);

// The ranges of chunks: sentences together, as many as have at most `tokens` tokens; a longer
// sentence is cut between words. In Markdown, a heading begins a chunk. All of the text is in a
// chunk, and each has a token; none where the text has no token. `offsets` are those of the text's
// tokens. Precondition: the text is valid UTF-8; tokens > 0. Linear; throws what the pace throws.
struct ChunkRules {
  std::size_t tokens = 0;
  bool markdown = false;
};
std::vector<ByteSpan> chunk_document(std::string_view text, TokenOffsets offsets,
                                     const ChunkRules& rules, Pace& pace);

// What an index says of chunks: where each begins without the white space around it, its line, its
// words.
std::vector<IndexedChunk> describe_chunks(std::string_view text,
                                          const std::vector<ByteSpan>& chunks, Pace& pace);

// By the ending of the name.
bool is_markdown(std::string_view path);

}  // namespace nestvec
