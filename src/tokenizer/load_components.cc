// SPDX-License-Identifier: Apache-2.0
// Loading of pre-tokenizers, post-processors, decoders and added tokens.
#include <algorithm>
#include <limits>

#include "tokenizer/component_loader.h"
#include "tokenizer/pattern.h"
#include "tokenizer/utf8_scan.h"

namespace nestvec {
namespace {

SplitBehavior load_behavior(const JsonValue& value) {
  const std::string_view name = value.string();
  if (name == "Removed") return SplitBehavior::kRemoved;
  if (name == "Isolated") return SplitBehavior::kIsolated;
  if (name == "MergedWithPrevious") return SplitBehavior::kMergedWithPrevious;
  if (name == "MergedWithNext") return SplitBehavior::kMergedWithNext;
  if (name == "Contiguous") return SplitBehavior::kContiguous;
  throw value.error("\"" + std::string(name) + "\" is not a split behavior");
}

PrependScheme load_prepend_scheme(const JsonValue& value) {
  const std::string_view name = value.string();
  if (name == "always") return PrependScheme::kAlways;
  if (name == "first") return PrependScheme::kFirst;
  if (name == "never") return PrependScheme::kNever;
  throw value.error("\"" + std::string(name) + "\" is not a prepend scheme");
}

std::string load_character(const JsonValue& value) {
  const std::string_view text = value.string();
  if (count_code_points(text) != 1) throw value.error("expected one character");
  return std::string(text);
}

PreTokenizerPtr load_byte_level(const JsonValue& value, bool keep_bytes) {
  return make_byte_level({.add_prefix_space = value.at("add_prefix_space").boolean(),
                          .use_regex = boolean_or(value, "use_regex", true),
                          .keep_bytes = keep_bytes});
}

PreTokenizerPtr load_split(const JsonValue& value) {
  const SplitBehavior behavior = load_behavior(value.at("behavior"));
  const bool inverted = value.at("invert").boolean();
  return make_split(load_pattern(value.at("pattern")), behavior, inverted);
}

std::size_t load_count(const JsonValue& value) {
  const std::int64_t count = value.integer();
  if (count < 0) throw value.error("expected a number of 0 or more");
  return static_cast<std::size_t>(count);
}

std::uint32_t load_type(const JsonValue& piece) {
  const auto type = piece.find("type_id");
  return type ? load_id(*type) : 0;
}

// A piece of a template: {"SpecialToken": {"id": ..., "type_id": 0}} or {"Sequence": {"id": "A",
// "type_id": 0}}.
TokenLayout load_template_piece(const JsonValue& piece, const JsonValue& special_tokens) {
  if (const auto sequence = piece.find("Sequence")) {
    const JsonValue id = sequence->at("id");
    const bool second = id.string() == "B";
    if (!second && id.string() != "A") throw id.error("expected \"A\" or \"B\"");
    return {{std::nullopt, load_type(*sequence), second}};
  }
  const JsonValue special = piece.at("SpecialToken");
  TokenLayout layout;
  for (const JsonValue& id : special_tokens.at(special.at("id").string()).at("ids").elements()) {
    layout.push_back({load_id(id), load_type(special)});
  }
  return layout;
}

std::vector<TokenLayout> load_template_pieces(const JsonValue& pieces,
                                              const JsonValue& special_tokens) {
  constexpr std::size_t kMostAdded = 1024;  // a file may name a long list again and again
  std::vector<TokenLayout> layouts;
  std::size_t added = 0;
  for (const JsonValue& piece : pieces.elements()) {
    layouts.push_back(load_template_piece(piece, special_tokens));
    added += std::max<std::size_t>(layouts.back().size(), 1);
    if (added > kMostAdded) throw pieces.error("it has more than 1024 tokens");
  }
  return layouts;
}

PostProcessorStep load_template(const JsonValue& value) {
  PostProcessorStep step;
  const JsonValue special_tokens = value.at("special_tokens");
  const JsonValue single = value.at("single");
  step.pieces = load_template_pieces(single, special_tokens);
  std::size_t texts = 0;
  for (const JsonValue& piece : single.elements()) {
    const auto sequence = piece.find("Sequence");
    if (!sequence) continue;
    ++texts;
    if (sequence->at("id").string() == "A") continue;
    throw piece.error("the template of a single text can only use sequence A");
  }
  if (texts != 1) throw single.error("expected the text, $A, exactly once");
  if (const auto pair = value.find("pair")) {
    step.pair_pieces = load_template_pieces(*pair, special_tokens);
  }
  return step;
}

PostProcessorStep load_pair_step(const JsonValue& value, PostProcessorStep::Kind kind) {
  PostProcessorStep step;
  step.kind = kind;
  const auto id_of = [&](std::string_view key) {
    const std::vector<JsonValue> pair = value.at(key).elements();
    if (pair.size() != 2) throw value.at(key).error("expected a token and its id");
    return load_id(pair[1]);
  };
  step.separator = id_of("sep");
  step.classifier = id_of("cls");
  if (kind == PostProcessorStep::Kind::kRoberta) {
    step.trim_offsets = boolean_or(value, "trim_offsets", true);
    step.add_prefix_space = boolean_or(value, "add_prefix_space", true);
  }
  return step;
}

PostProcessorStep load_byte_level_step(const JsonValue& value) {
  PostProcessorStep step;
  step.kind = PostProcessorStep::Kind::kByteLevel;
  step.trim_offsets = value.at("trim_offsets").boolean();
  step.add_prefix_space = value.at("add_prefix_space").boolean();
  return step;
}

void load_post_processor_steps(const JsonValue& value, std::vector<PostProcessorStep>& steps) {
  const std::string_view type = value.at("type").string();
  if (type == "Sequence") {
    for (const JsonValue& step : value.at("processors").elements()) {
      constexpr std::size_t kMostSteps = 64;
      if (steps.size() == kMostSteps) throw value.error("more than 64 post-processors");
      load_post_processor_steps(step, steps);
    }
  } else if (type == "TemplateProcessing") {
    steps.push_back(load_template(value));
  } else if (type == "BertProcessing") {
    steps.push_back(load_pair_step(value, PostProcessorStep::Kind::kBert));
  } else if (type == "RobertaProcessing") {
    steps.push_back(load_pair_step(value, PostProcessorStep::Kind::kRoberta));
  } else if (type == "ByteLevel") {
    steps.push_back(load_byte_level_step(value));
  } else {
    throw unknown_component(value, "post-processor");
  }
}

}  // namespace

bool boolean_or(const JsonValue& object, std::string_view key, bool otherwise) {
  const auto value = object.find(key);
  return value ? value->boolean() : otherwise;
}

std::uint32_t load_id(const JsonValue& value) {
  const std::int64_t id = value.integer();
  if (id < 0 || id > std::numeric_limits<std::uint32_t>::max()) {
    throw value.error("a token id is between 0 and 4294967295");
  }
  return static_cast<std::uint32_t>(id);
}

Error unknown_component(const JsonValue& value, std::string_view what) {
  return value.error("the " + std::string(what) + " \"" + std::string(value.at("type").string()) +
                     "\" is not supported");
}

MetaspaceOptions load_metaspace(const JsonValue& value) {
  MetaspaceOptions options;
  options.replacement = load_character(value.at("replacement"));
  options.split = boolean_or(value, "split", true);
  const auto scheme = value.find("prepend_scheme");
  if (scheme) options.prepend_scheme = load_prepend_scheme(*scheme);
  if (!boolean_or(value, "add_prefix_space", true)) {
    if (scheme && options.prepend_scheme != PrependScheme::kNever) {
      throw value.error("\"add_prefix_space\" does not match \"prepend_scheme\"");
    }
    options.prepend_scheme = PrependScheme::kNever;
  }
  return options;
}

bool gives_bytes(const JsonValue& pre_tokenizer) {
  const std::string_view type = pre_tokenizer.at("type").string();
  if (type != "Sequence") return type == "ByteLevel";
  const std::vector<JsonValue> steps = pre_tokenizer.at("pretokenizers").elements();
  return !steps.empty() && gives_bytes(steps.back());
}

PreTokenizerPtr load_pre_tokenizer(const JsonValue& value, bool keep_bytes) {
  const std::string_view type = value.at("type").string();
  if (type == "Sequence") {
    std::vector<PreTokenizerPtr> steps;
    const std::vector<JsonValue> parts = value.at("pretokenizers").elements();
    for (const JsonValue& part : parts) {
      steps.push_back(load_pre_tokenizer(part, keep_bytes && steps.size() + 1 == parts.size()));
    }
    return make_sequence_pre_tokenizer(std::move(steps));
  }
  if (type == "Metaspace") return make_metaspace(load_metaspace(value));
  if (type == "ByteLevel") return load_byte_level(value, keep_bytes);
  if (type == "Split") return load_split(value);
  if (type == "WhitespaceSplit") return make_whitespace_split();
  if (type == "Whitespace") return make_whitespace();
  if (type == "BertPreTokenizer") return make_bert_pre_tokenizer();
  if (type == "Digits") return make_digits(boolean_or(value, "individual_digits", false));
  if (type == "CharDelimiterSplit") {
    const std::string delimiter = load_character(value.at("delimiter"));
    std::size_t begin = 0;
    return make_character_delimiter_split(next_code_point(delimiter, begin));
  }
  if (type == "Punctuation") {
    const auto behavior = value.find("behavior");
    return make_punctuation(behavior ? load_behavior(*behavior) : SplitBehavior::kIsolated);
  }
  throw unknown_component(value, "pre-tokenizer");
}

PostProcessor load_post_processor(const JsonValue& value) {
  std::vector<PostProcessorStep> steps;
  load_post_processor_steps(value, steps);
  return with_context(value, [&] { return PostProcessor(steps); });
}

DecoderPtr load_decoder(const JsonValue& value) {
  const std::string_view type = value.at("type").string();
  if (type == "Sequence") return make_sequence_decoder(load_each(value, "decoders", load_decoder));
  if (type == "Metaspace") return make_metaspace_decoder(load_metaspace(value));
  if (type == "WordPiece") {
    return make_wordpiece_decoder(std::string(value.at("prefix").string()),
                                  value.at("cleanup").boolean());
  }
  if (type == "Replace") {
    return make_replace_decoder(load_pattern(value.at("pattern")),
                                std::string(value.at("content").string()));
  }
  if (type == "Fuse") return make_fuse_decoder();
  if (type == "Strip") {
    return make_strip_decoder(load_character(value.at("content")), load_count(value.at("start")),
                              load_count(value.at("stop")));
  }
  if (type == "ByteFallback") return make_byte_fallback_decoder();
  if (type == "ByteLevel") return make_byte_level_decoder();
  if (type == "BPEDecoder") {
    const auto suffix = value.find("suffix");
    return make_bpe_decoder(suffix ? std::string(suffix->string()) : "</w>");
  }
  throw unknown_component(value, "decoder");
}

std::vector<AddedToken> load_added_tokens(const JsonValue& value) {
  std::vector<AddedToken> tokens;
  for (const JsonValue& entry : value.elements()) {
    AddedToken token;
    token.content = entry.at("content").string();
    token.single_word = boolean_or(entry, "single_word", false);
    token.lstrip = boolean_or(entry, "lstrip", false);
    token.rstrip = boolean_or(entry, "rstrip", false);
    token.normalized = boolean_or(entry, "normalized", true);
    token.special = boolean_or(entry, "special", false);
    tokens.push_back(std::move(token));
  }
  return tokens;
}

}  // namespace nestvec
