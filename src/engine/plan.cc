// SPDX-License-Identifier: Apache-2.0
#include "engine/plan.h"

#include <algorithm>

#include "base/excerpt.h"
#include "base/utf8.h"

namespace nestvec {
namespace {

// The parts of an encoding of prompt + text: leading special tokens, the prompt, content, trailing
// special tokens. All are token counts; they sum to the encoding's size.
struct Layout {
  std::size_t lead = 0;
  std::size_t prompt = 0;
  std::size_t content = 0;
  std::size_t tail = 0;
};

Layout layout_of(const Tokens& tokens, std::size_t prompt_bytes) {
  Layout layout;
  const std::size_t size = tokens.ids.size();
  while (layout.lead < size && tokens.special[layout.lead] != 0) ++layout.lead;
  while (layout.tail < size - layout.lead && tokens.special[size - 1 - layout.tail] != 0) {
    ++layout.tail;
  }
  const std::size_t end = size - layout.tail;
  std::size_t i = layout.lead;
  while (i < end && tokens.offsets[i].end <= prompt_bytes) ++i;
  layout.prompt = i - layout.lead;
  layout.content = end - i;
  return layout;
}

Tokens encode(const Tokenizer& tokenizer, const PlanRules& rules, std::string_view text,
              bool offsets, std::size_t max_tokens) {
  EncodeOptions options;
  options.parse_special = rules.parse_special;
  options.offsets = offsets;
  options.max_tokens = max_tokens;
  options.pace = rules.pace;
  return tokenizer.encode(text, options);
}

ErrorDetail of_text(std::size_t index) {
  ErrorDetail detail;
  detail.text = index;
  return detail;
}

// A code of its own, so that servers can answer it with a status of its own.
Error too_long(std::string_view what, std::size_t tokens, std::size_t limit,
               const ErrorDetail& detail = {}) {
  return Error(ErrorCode::kOutOfRange,
               std::string(what) + " has " + std::to_string(tokens) +
                   " tokens with prompt and special tokens, the model takes " +
                   std::to_string(limit) + "; shorten it, or allow truncation",
               detail);
}

// Tokens of the prompt, with the special ones before it: by itself, as sentence-transformers counts
// them. 0 where they are pooled with the text.
std::size_t left_out_tokens(const Tokenizer& tokenizer, const PlanRules& rules,
                            const TaskChoice& task) {
  if (rules.include_prompt || !rules.add_prompt || task.prompt.empty()) return 0;
  const Tokens tokens = encode(tokenizer, rules, task.prompt, true, rules.max_tokens);
  const bool closed = !tokens.special.empty() && tokens.special.back() != 0;
  return tokens.ids.size() - (closed ? 1 : 0);
}

Error no_tokens(std::string_view what, const ErrorDetail& detail) {
  return Error(ErrorCode::kInvalidArgument,
               std::string(what) + " has no tokens, so it has no vector", detail);
}

// Drops content tokens right behind the prompt until the encoding fits.
void truncate_left(Tokens& tokens, std::size_t prompt_bytes, std::size_t max_tokens) {
  const Layout layout = layout_of(tokens, prompt_bytes);
  const std::size_t excess = std::min(tokens.ids.size() - max_tokens, layout.content);
  const auto first = static_cast<std::ptrdiff_t>(layout.lead + layout.prompt);
  const auto last = first + static_cast<std::ptrdiff_t>(excess);
  tokens.ids.erase(tokens.ids.begin() + first, tokens.ids.begin() + last);
  tokens.offsets.erase(tokens.offsets.begin() + first, tokens.offsets.begin() + last);
  tokens.special.erase(tokens.special.begin() + first, tokens.special.begin() + last);
  tokens.truncated = true;
}

std::string with_prompt(const PlanRules& rules, const TaskChoice& task, std::string_view text) {
  std::string joined;
  if (rules.add_prompt) joined = task.prompt;
  return joined.append(text);
}

Tokens encode_text(const Tokenizer& tokenizer, const PlanRules& rules, const TaskChoice& task,
                   std::string_view text, bool offsets) {
  const std::string joined = with_prompt(rules, task, text);
  const std::size_t prompt_bytes = joined.size() - text.size();
  const bool cut_right = rules.truncation == Truncation::kRight;
  const bool cut_left = rules.truncation == Truncation::kLeft;
  Tokens tokens =
      encode(tokenizer, rules, joined, offsets || cut_left, cut_right ? rules.max_tokens : 0);
  if (cut_left && tokens.ids.size() > rules.max_tokens) {
    truncate_left(tokens, prompt_bytes, rules.max_tokens);
  }
  return tokens;
}

std::uint32_t narrow(std::size_t value) { return static_cast<std::uint32_t>(value); }

// Token ranges of the chunks among the content tokens: chunk i owns [borders[i], borders[i + 1]).
std::vector<std::size_t> chunk_borders(const Tokens& tokens, const Layout& layout,
                                       std::span<const std::size_t> chunk_ends, Pace& pace) {
  std::vector<std::size_t> borders = {0};
  const std::size_t first = layout.lead + layout.prompt;
  std::size_t i = 0;
  for (const std::size_t end : chunk_ends) {
    for (; i < layout.content && tokens.offsets[first + i].end <= end; ++i) pace.spend();
    borders.push_back(i);
  }
  borders.back() = layout.content;
  return borders;
}

// A window holds content tokens [begin, end) and owns those from `owned` on.
struct Window {
  std::size_t begin = 0;
  std::size_t owned = 0;
  std::size_t end = 0;
};

std::vector<Window> divide(std::size_t content, std::size_t capacity) {
  const std::size_t overlap = std::min(kWindowOverlap, capacity / 2);
  std::vector<Window> windows = {{0, 0, std::min(content, capacity)}};
  while (windows.back().end < content) {
    const std::size_t owned = windows.back().end;
    const std::size_t begin = owned - overlap;
    windows.push_back({begin, owned, std::min(content, begin + capacity)});
  }
  return windows;
}

Sequence window_sequence(const Tokens& tokens, const Layout& layout, const Window& window) {
  const auto at = [&](std::size_t i) {
    return tokens.ids.begin() + static_cast<std::ptrdiff_t>(i);
  };
  const std::size_t content = layout.lead + layout.prompt;
  Sequence sequence;
  sequence.ids.assign(at(0), at(content));
  sequence.ids.insert(sequence.ids.end(), at(content + window.begin), at(content + window.end));
  sequence.ids.insert(sequence.ids.end(), at(content + layout.content), tokens.ids.end());
  return sequence;
}

// Where add_spans stands: windows and chunks both go forward, so that neither is looked at for each
// of the other.
struct SpanCursor {
  Pace& pace;
  std::size_t left_out = 0;  // tokens before the first span
  std::size_t spans = 0;     // of the windows before
  std::size_t chunk = 0;     // the first that is not over before the window
};

// Adds the spans of the chunks that `window` owns tokens of.
void add_spans(const Layout& layout, const Window& window, std::span<const std::size_t> borders,
               SpanCursor& cursor, LateChunkPlan& plan) {
  Sequence& sequence = plan.windows.back();
  const std::size_t head = layout.lead + layout.prompt;
  // One chunk is a text like any other, be there only special tokens.
  const bool alone = borders.size() == 2 && layout.content == 0 && !sequence.ids.empty();
  while (cursor.chunk + 1 < borders.size() && borders[cursor.chunk + 1] <= window.owned && !alone) {
    cursor.pace.spend();
    ++cursor.chunk;
  }
  for (std::size_t chunk = cursor.chunk; chunk + 1 < borders.size(); ++chunk) {
    cursor.pace.spend();
    if (borders[chunk] >= window.end && !alone) break;
    std::size_t begin = std::max(borders[chunk], window.owned);
    std::size_t end = std::min(borders[chunk + 1], window.end);
    if (begin >= end && !alone) continue;
    begin = head + begin - window.begin;
    end = head + end - window.begin;
    const bool ends_context = chunk + 2 == borders.size() && window.end == layout.content;
    if (ends_context) end = sequence.ids.size();
    if (chunk == 0 && window.owned == 0) begin = cursor.left_out;
    if (begin >= end) throw no_tokens("the first chunk behind its prompt", of_text(0));
    const std::uint32_t place = narrow(begin + window.begin);
    plan.chunks[chunk].push_back(
        {cursor.spans + sequence.spans.size(), narrow(end - begin), place});
    sequence.spans.push_back({narrow(begin), narrow(end), place});
  }
  cursor.spans += sequence.spans.size();
}

}  // namespace

void check_vocabulary(const Tokenizer& tokenizer, const PlanRules& rules,
                      std::span<const std::uint32_t> ids, const std::string& what,
                      const ErrorDetail& detail) {
  if (rules.vocabulary == 0) return;
  for (const std::uint32_t id : ids) {
    if (id < rules.vocabulary) continue;
    throw Error(ErrorCode::kInvalidArgument,
                what + " has the token \"" + excerpt(tokenizer.id_to_token(id)) + "\" (id " +
                    std::to_string(id) + "), which the model's table of " +
                    std::to_string(rules.vocabulary) + " tokens does not have",
                detail);
  }
}

TextPlan plan_text(const Tokenizer& tokenizer, const PlanRules& rules, const TaskChoice& task,
                   std::string_view text, std::size_t index) {
  Tokens tokens = encode_text(tokenizer, rules, task, text, false);
  const std::string name = "text " + std::to_string(index);
  if (tokens.ids.size() > rules.max_tokens) {
    throw too_long(name, tokens.ids.size(), rules.max_tokens, of_text(index));
  }
  if (tokens.ids.empty()) throw no_tokens(name, of_text(index));
  check_vocabulary(tokenizer, rules, tokens.ids, name, of_text(index));
  const std::uint32_t first = narrow(left_out_tokens(tokenizer, rules, task));
  const std::uint32_t size = narrow(tokens.ids.size());
  if (first >= size) throw no_tokens(name + " behind its prompt", of_text(index));
  const Span span = rules.pooling == Pooling::kCls    ? Span{first, first + 1}
                    : rules.pooling == Pooling::kLast ? Span{size - 1, size}
                                                      : Span{first, size, first};
  TextPlan plan;
  plan.truncated = tokens.truncated;
  plan.sequence = {std::move(tokens.ids), task.adapter, {span}};
  return plan;
}

TextPlan plan_tokens(const Tokenizer& tokenizer, const PlanRules& rules, const TaskChoice& task,
                     std::string_view text) {
  std::string storage;
  text = repair_utf8(text, storage);
  const std::size_t prompt_bytes = rules.add_prompt ? task.prompt.size() : 0;
  Tokens tokens = encode_text(tokenizer, rules, task, text, true);
  if (tokens.ids.size() > rules.max_tokens) {
    throw too_long("the text", tokens.ids.size(), rules.max_tokens);
  }
  if (tokens.ids.empty()) throw Error(ErrorCode::kInvalidArgument, "the text has no tokens");
  check_vocabulary(tokenizer, rules, tokens.ids, "the text", {});
  for (ByteRange& range : tokens.offsets) {
    const auto shift = narrow(prompt_bytes);
    range = range.end <= shift ? ByteRange{}
                               : ByteRange{std::max(range.begin, shift) - shift, range.end - shift};
  }
  TextPlan plan;
  plan.truncated = tokens.truncated;
  plan.offsets = std::move(tokens.offsets);
  plan.sequence = {std::move(tokens.ids), task.adapter, {}};
  return plan;
}

LateChunkPlan plan_late_chunks(const Tokenizer& tokenizer, const PlanRules& rules,
                               const TaskChoice& task, std::span<const std::string> chunks) {
  Pace unwatched;
  Pace& pace = rules.pace == nullptr ? unwatched : *rules.pace;
  std::string joined = with_prompt(rules, task, "");
  const std::size_t prompt_bytes = joined.size();
  std::vector<std::size_t> ends;
  std::string storage;
  for (const std::string& chunk : chunks) {
    if (!ends.empty()) joined += ' ';
    joined += repair_utf8(chunk, storage);
    ends.push_back(joined.size());
  }
  const Tokens tokens = encode(tokenizer, rules, joined, true, 0);
  check_vocabulary(tokenizer, rules, tokens.ids, "the context of all chunks", {});
  const Layout layout = layout_of(tokens, prompt_bytes);
  if (rules.truncation == Truncation::kError && tokens.ids.size() > rules.max_tokens) {
    throw too_long("the context of all chunks", tokens.ids.size(), rules.max_tokens);
  }
  const std::size_t frame = layout.lead + layout.prompt + layout.tail;
  if (frame >= rules.max_tokens) {
    throw too_long("the prompt alone", frame, rules.max_tokens);
  }

  const std::vector<std::size_t> borders = chunk_borders(tokens, layout, ends, pace);
  LateChunkPlan plan;
  plan.chunks.resize(chunks.size());
  SpanCursor cursor{.pace = pace, .left_out = left_out_tokens(tokenizer, rules, task)};
  for (const Window& window : divide(layout.content, rules.max_tokens - frame)) {
    plan.windows.push_back(window_sequence(tokens, layout, window));
    plan.windows.back().task = task.adapter;
    add_spans(layout, window, borders, cursor, plan);
    pace.spend(plan.windows.back().ids.size());
  }
  for (std::size_t i = 0; i < chunks.size(); ++i) {
    if (plan.chunks[i].empty()) {
      throw Error(ErrorCode::kInvalidArgument,
                  "chunk " + std::to_string(i) +
                      " has no tokens of its own (it is empty, only spaces, or merged into a "
                      "neighbour's last token), so it has no vector; leave it out",
                  of_text(i));
    }
  }
  return plan;
}

}  // namespace nestvec
