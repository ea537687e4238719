// SPDX-License-Identifier: Apache-2.0
// The alphabet and the pre-tokenizer "ByteLevel".
#include "tokenizer/byte_level.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "base/utf8.h"
#include "tokenizer/pre_tokenizer.h"
#include "tokenizer/regex.h"
#include "tokenizer/split.h"
#include "tokenizer/utf8_scan.h"

namespace nestvec {
namespace {

constexpr std::string_view kGpt2Expression =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

constexpr bool is_printable(unsigned byte) {
  return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
}

// Printable bytes stand for themselves as Latin-1, the others for U+0100 and on, in order.
constexpr std::array<char16_t, 256> make_characters() {
  std::array<char16_t, 256> characters{};
  char16_t next = 0x100;
  for (unsigned byte = 0; byte < characters.size(); ++byte) {
    characters[byte] = is_printable(byte) ? static_cast<char16_t>(byte) : next++;
  }
  return characters;
}
constexpr std::array<char16_t, 256> kCharacters = make_characters();

// The other way round; kNoByte for what is not in the alphabet.
constexpr std::uint16_t kNoByte = 0x100;
constexpr std::array<std::uint16_t, 0x144> make_bytes() {
  std::array<std::uint16_t, 0x144> bytes{};
  for (std::uint16_t& byte : bytes) byte = kNoByte;
  for (std::uint16_t byte = 0; byte < kCharacters.size(); ++byte) bytes[kCharacters[byte]] = byte;
  return bytes;
}
constexpr std::array<std::uint16_t, 0x144> kBytes = make_bytes();

class ByteLevel final : public PreTokenizer {
 public:
  explicit ByteLevel(const ByteLevelOptions& options) : options_(options) {
    if (options.use_regex) regex_.emplace(kGpt2Expression);
  }

  void apply(PieceBuffer& buffer, Pace& pace) const override {
    if (options_.add_prefix_space && lacks_space(buffer)) add_spaces(buffer, pace);
    if (regex_) {
      cut_pieces(buffer, [&](std::string_view text, const Piece& piece, std::vector<Piece>& out) {
        Regex::Finder finder(*regex_, text, piece.end, pace);
        split_piece(piece, false, MatchSplitter(SplitBehavior::kIsolated, out),
                    [&](std::size_t from) { return finder.find(from); });
      });
    }
    if (!options_.keep_bytes) write_characters(buffer, pace);
  }

 private:
  static bool lacks_space(const PieceBuffer& buffer) {
    return std::any_of(buffer.pieces.begin(), buffer.pieces.end(),
                       [&](const Piece& piece) { return buffer.text.bytes[piece.begin] != ' '; });
  }

  static void add_spaces(PieceBuffer& buffer, Pace& pace) {
    MappedText& target = buffer.next_text;
    target.clear(buffer.text.tracked);
    target.bytes.reserve(buffer.text.bytes.size() + buffer.pieces.size());
    buffer.next_pieces.clear();
    for (const Piece& piece : buffer.pieces) {
      const std::size_t begin = target.bytes.size();
      if (buffer.text.bytes[piece.begin] != ' ') {
        target.append(" ", buffer.text.tracked ? buffer.text.origins[piece.begin] : 0);
      }
      target.append_from(buffer.text, piece.begin, piece.end, pace);
      check_mapped_size(target);
      buffer.next_pieces.push_back(
          {static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(target.bytes.size())});
    }
    buffer.advance();
  }

  static void write_characters(PieceBuffer& buffer, Pace& pace) {
    MappedText& target = buffer.next_text;
    target.clear(buffer.text.tracked);
    buffer.next_pieces.clear();
    for (const Piece& piece : buffer.pieces) {
      const auto begin = static_cast<std::uint32_t>(target.bytes.size());
      for (std::uint32_t i = piece.begin; i < piece.end; ++i) {
        pace.spend();
        const auto byte = static_cast<std::uint8_t>(buffer.text.bytes[i]);
        append_utf8(byte_to_character(byte), target.bytes);
        if (target.tracked) target.origins.resize(target.bytes.size(), buffer.text.origins[i]);
      }
      check_mapped_size(target);
      buffer.next_pieces.push_back({begin, static_cast<std::uint32_t>(target.bytes.size())});
    }
    buffer.advance();
  }

  ByteLevelOptions options_;
  std::optional<Regex> regex_;
};

}  // namespace

char32_t byte_to_character(std::uint8_t byte) noexcept { return kCharacters[byte]; }

bool append_bytes_of(std::string_view text, std::string& bytes) {
  const std::size_t before = bytes.size();
  for (std::size_t i = 0; i < text.size();) {
    const char32_t c = next_code_point(text, i);
    if (c >= kBytes.size() || kBytes[c] == kNoByte) {
      bytes.resize(before);
      return false;
    }
    bytes.push_back(static_cast<char>(kBytes[c]));
  }
  return true;
}

PreTokenizerPtr make_byte_level(const ByteLevelOptions& options) {
  return std::make_unique<ByteLevel>(options);
}

}  // namespace nestvec
