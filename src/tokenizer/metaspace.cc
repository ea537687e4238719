// SPDX-License-Identifier: Apache-2.0
// The pre-tokenizer "Metaspace".
#include <utility>

#include "tokenizer/pre_tokenizer.h"

namespace nestvec {
namespace {

class Metaspace final : public PreTokenizer {
 public:
  explicit Metaspace(MetaspaceOptions options) : options_(std::move(options)) {}

  void apply(PieceBuffer& buffer, Pace& pace) const override {
    MappedText& target = buffer.next_text;
    target.clear(buffer.text.tracked);
    target.bytes.reserve(buffer.text.bytes.size() + buffer.pieces.size() * 3);
    buffer.next_pieces.clear();
    for (const Piece& piece : buffer.pieces) {
      const std::size_t begin = target.bytes.size();
      write_piece(buffer.text, piece, target, pace);
      check_mapped_size(target);
      cut_piece(target.bytes, begin, buffer.next_pieces, pace);
    }
    buffer.advance();
  }

  bool needs_origins() const noexcept override {
    return options_.prepend_scheme == PrependScheme::kFirst;
  }

 private:
  void write_piece(const MappedText& source, const Piece& piece, MappedText& target,
                   Pace& pace) const {
    const std::string_view text =
        std::string_view(source.bytes).substr(piece.begin, piece.end - piece.begin);
    if (prepends_to(text, source.tracked ? source.origins[piece.begin] : 0)) {
      target.append(options_.replacement, source.tracked ? source.origins[piece.begin] : 0);
    }
    std::size_t copied = 0;
    for (std::size_t space = text.find(' '); space != std::string_view::npos;
         space = text.find(' ', copied)) {
      target.append_from(source, piece.begin + copied, piece.begin + space, pace);
      target.append(options_.replacement, source.tracked ? source.origins[piece.begin + space] : 0);
      copied = space + 1;
      pace.spend();
    }
    target.append_from(source, piece.begin + copied, piece.end, pace);
  }

  // `origin`: where the piece starts in the original text.
  bool prepends_to(std::string_view text, std::uint32_t origin) const {
    if (options_.prepend_scheme == PrependScheme::kNever) return false;
    if (text.front() == ' ' || text.starts_with(options_.replacement)) return false;
    return options_.prepend_scheme == PrependScheme::kAlways || origin == 0;
  }

  // Cuts what was written from `begin` on before each replacement.
  void cut_piece(std::string_view text, std::size_t begin, std::vector<Piece>& pieces,
                 Pace& pace) const {
    const auto add = [&](std::size_t end) {
      pace.spend(end - begin);
      pieces.push_back({static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(end)});
      begin = end;
    };
    if (options_.split) {
      for (std::size_t next = text.find(options_.replacement, begin + 1);
           next != std::string_view::npos; next = text.find(options_.replacement, next + 1)) {
        add(next);
      }
    }
    add(text.size());
  }

  MetaspaceOptions options_;
};

}  // namespace

PreTokenizerPtr make_metaspace(MetaspaceOptions options) {
  return std::make_unique<Metaspace>(std::move(options));
}

}  // namespace nestvec
