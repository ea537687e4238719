// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/pipeline.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "nestvec/error.h"
#include "tokenizer/utf8_scan.h"

namespace nestvec {
namespace {

constexpr std::size_t kNoLimit = std::numeric_limits<std::size_t>::max();

Error invalid(const std::string& message) { return Error(ErrorCode::kInvalidArgument, message); }

template <typename T>
void erase_range(std::vector<T>& values, std::size_t begin, std::size_t end) {
  if (values.empty()) return;
  values.erase(values.begin() + static_cast<std::ptrdiff_t>(begin),
               values.begin() + static_cast<std::ptrdiff_t>(end));
}

// Moves `begin` over `characters` code points of `text`, not beyond `end`.
std::uint32_t advance(std::string_view text, std::uint32_t begin, std::uint32_t end,
                      std::uint32_t characters) {
  for (; characters > 0 && begin < end; --characters) begin += utf8_length(text[begin]);
  return std::min(begin, end);
}

// Moves `end` back over `characters` code points, not beyond `begin`; not at all where fewer than
// that stand before it in the text.
std::uint32_t retreat(std::string_view text, std::uint32_t begin, std::uint32_t end,
                      std::uint32_t characters) {
  std::size_t position = end;
  for (; characters > 0 && position > 0; --characters) {
    position = previous_code_point(text, position);
  }
  return characters > 0 ? end : std::max(static_cast<std::uint32_t>(position), begin);
}

}  // namespace

Tokenizer::Pipeline::Pipeline(TokenizerParts parts)
    : parts_(std::move(parts)),
      added_(parts_.added_tokens, *parts_.model, parts_.normalizer.get()) {}

Tokenizer::Pipeline::Limit Tokenizer::Pipeline::limit_for(const EncodeOptions& options) const {
  const PostProcessor& post = parts_.post_processor;
  if (options.max_tokens > 0) {
    const std::size_t special = options.add_special ? post.special_count() : 0;
    if (options.max_tokens < special) {
      throw invalid("max_tokens " + std::to_string(options.max_tokens) + " is less than the " +
                    std::to_string(special) + " special tokens that are added");
    }
    return {options.max_tokens - special, options.truncate_left};
  }
  if (!options.file_truncation || !parts_.truncation) return {kNoLimit};
  const FileTruncation& file = *parts_.truncation;
  const std::size_t special = options.add_special ? post.declared_count() : 0;
  if (file.max_length < special) {
    throw invalid("the tokenizer's truncation to " + std::to_string(file.max_length) +
                  " tokens is less than the " + std::to_string(special) +
                  " special tokens that are added");
  }
  return {file.max_length - special, file.left, file.stride, file.only_second};
}

void Tokenizer::Pipeline::encode(std::string_view text, const EncodeOptions& options,
                                 EncodeScratch& scratch, Tokens& out) const {
  const PostProcessor& post = parts_.post_processor;
  const Limit limit = limit_for(options);
  const bool trims = options.offsets && !post.trims().empty();
  out.clear();
  scratch.margins.clear();
  if (options.add_special) out.ids = post.prefix();
  if (options.offsets) out.offsets.resize(out.ids.size());
  const std::size_t first = out.ids.size();

  TokenSink sink(text, out.ids, options.offsets ? &out.offsets : nullptr,
                 trims ? &scratch.margins : nullptr);
  const bool stops_early = limit.tokens != kNoLimit && !limit.left;
  Pace unwatched;
  Run run{text,
          options,
          scratch,
          sink,
          options.pace == nullptr ? unwatched : *options.pace,
          stops_early ? first + limit.tokens + 1 : kNoLimit,
          options.offsets || (parts_.pre_tokenizer && parts_.pre_tokenizer->needs_origins())};
  encode_text(run);
  truncate(limit, first, scratch, out);
  if (trims) {
    trim_offsets(run, std::span(out.offsets).subspan(first));
  }
  const std::size_t last = out.ids.size();
  if (options.add_special) {
    out.ids.insert(out.ids.end(), post.suffix().begin(), post.suffix().end());
  }
  if (!options.offsets) return;
  out.offsets.resize(out.ids.size());
  out.special.assign(out.ids.size(), 1);
  std::fill(out.special.begin() + static_cast<std::ptrdiff_t>(first),
            out.special.begin() + static_cast<std::ptrdiff_t>(last), std::uint8_t{0});
}

// Cuts out the added tokens that are looked for before the normalizer.
void Tokenizer::Pipeline::encode_text(Run& run) const {
  std::vector<TextPart>& parts = run.scratch.parts;
  added_.split(run.text, false, parses_special(run), parts, run.pace);
  for (const TextPart& part : parts) {
    if (run.sink.size() >= run.enough) return;
    run.pace.spend();
    if (part.id) {
      run.sink.add_original(*part.id, part.begin, part.end);
    } else {
      encode_part(part, run);
    }
  }
}

// Normalizes a part and cuts out the added tokens that are looked for after that.
void Tokenizer::Pipeline::encode_part(const TextPart& part, Run& run) const {
  EncodeScratch& scratch = run.scratch;
  PieceBuffer& pieces = scratch.pieces;
  pieces.text.assign({run.text, part.begin, part.end}, run.track, run.pace);
  if (parts_.normalizer) parts_.normalizer->apply(pieces.text, pieces.next_text, run.pace);
  if (!added_.has_any(true)) {
    encode_pieces(run);
    return;
  }
  std::swap(scratch.normalized, pieces.text);
  added_.split(scratch.normalized.bytes, true, parses_special(run), scratch.normalized_parts,
               run.pace);
  for (const TextPart& inner : scratch.normalized_parts) {
    if (run.sink.size() >= run.enough) return;
    run.pace.spend();
    if (inner.id) {
      const std::string_view bytes = scratch.normalized.bytes;
      run.sink.set_text(scratch.normalized);
      run.sink.add(*inner.id, inner.begin, inner.end,
                   bytes.substr(inner.begin, inner.end - inner.begin));
    } else {
      pieces.text.clear(run.track);
      pieces.text.append_from(scratch.normalized, inner.begin, inner.end, run.pace);
      encode_pieces(run);
    }
  }
}

// Splits the normalized text and gives its pieces to the model.
void Tokenizer::Pipeline::encode_pieces(Run& run) const {
  PieceBuffer& buffer = run.scratch.pieces;
  if (buffer.text.bytes.empty()) return;
  buffer.pieces.assign(1, {0, static_cast<std::uint32_t>(buffer.text.bytes.size())});
  if (parts_.pre_tokenizer) parts_.pre_tokenizer->apply(buffer, run.pace);
  run.sink.set_text(buffer.text);
  for (const Piece& piece : buffer.pieces) {
    if (run.sink.size() >= run.enough) return;
    parts_.model->tokenize(buffer.text.bytes, piece, run.scratch.model, run.sink, run.pace);
  }
}

// Drops what is over the limit of the tokens from `first` on.
void Tokenizer::Pipeline::truncate(const Limit& limit, std::size_t first, EncodeScratch& scratch,
                                   Tokens& out) const {
  const std::size_t count = out.ids.size() - first;
  if (count <= limit.tokens) return;
  if (limit.tokens > 0 && limit.only_second) {
    throw invalid("the tokenizer's truncation strategy OnlySecond cannot shorten a single text");
  }
  if (limit.tokens > 0 && limit.stride >= limit.tokens) {
    throw invalid("the tokenizer's truncation stride " + std::to_string(limit.stride) +
                  " is not less than the " + std::to_string(limit.tokens) +
                  " tokens that it keeps");
  }
  const std::size_t begin = limit.left ? 0 : limit.tokens;
  const std::size_t end = limit.left ? count - limit.tokens : count;
  erase_range(out.ids, first + begin, first + end);
  erase_range(out.offsets, first + begin, first + end);
  erase_range(scratch.margins, begin, end);
  out.truncated = true;
}

void Tokenizer::Pipeline::trim_offsets(const Run& run, std::span<ByteRange> offsets) const {
  const std::string_view text = run.text;
  const std::vector<TokenMargins>& margins = run.scratch.margins;
  for (const PostProcessor::Trim& trim : parts_.post_processor.trims()) {
    const bool text_comes_first = !run.options.add_special || trim.text_comes_first;
    for (std::size_t i = 0; i < offsets.size(); ++i) {
      run.pace.spend(margins[i].leading + margins[i].trailing + std::size_t{1});
      ByteRange& range = offsets[i];
      const bool is_first = (i == 0 && text_comes_first) || range.begin == 0;
      const bool keeps = is_first && trim.add_prefix_space && margins[i].leading == 1;
      if (!keeps) range.begin = advance(text, range.begin, range.end, margins[i].leading);
      range.end = retreat(text, range.begin, range.end, margins[i].trailing);
    }
  }
}

std::string Tokenizer::Pipeline::decode(std::span<const std::uint32_t> ids, bool skip_special,
                                        Pace& pace) const {
  std::vector<std::string> tokens;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    pace.spend();
    const auto token = id_to_token(ids[i]);
    if (!token) {
      throw invalid("id " + std::to_string(ids[i]) + " at index " + std::to_string(i) +
                    " is not in the vocabulary");
    }
    if (!skip_special || !added_.is_special(*token)) tokens.emplace_back(*token);
  }
  std::string text;
  if (parts_.decoder) {
    parts_.decoder->apply(tokens, pace);
    for (const std::string& token : tokens) text.append(token);
    return text;
  }
  for (const std::string& token : tokens) {
    if (&token != &tokens.front()) text.push_back(' ');
    text.append(token);
  }
  return text;
}

std::size_t Tokenizer::Pipeline::vocabulary_size() const noexcept {
  return parts_.model->vocabulary_size() + added_.beyond_model();
}

std::optional<std::uint32_t> Tokenizer::Pipeline::token_to_id(std::string_view token) const {
  const auto added = added_.token_to_id(token);
  return added ? added : parts_.model->token_to_id(token);
}

std::optional<std::string_view> Tokenizer::Pipeline::id_to_token(std::uint32_t id) const {
  const auto added = added_.id_to_token(id);
  return added ? added : parts_.model->id_to_token(id);
}

}  // namespace nestvec
