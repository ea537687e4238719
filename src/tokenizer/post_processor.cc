// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/post_processor.h"

#include <algorithm>
#include <utility>

#include "nestvec/error.h"

namespace nestvec {
namespace {

using Kind = PostProcessorStep::Kind;

bool has_text(const TokenLayout& layout) {
  return std::any_of(layout.begin(), layout.end(),
                     [](const LayoutToken& token) { return !token.id; });
}

void set_types(TokenLayout& layout, std::uint32_t type) {
  for (LayoutToken& token : layout) token.type = type;
}

// BertProcessing and RobertaProcessing on the encodings so far: the first one is text A to them,
// all others are texts B. To RoBERTa all is of type 0.
void apply_pair(const PostProcessorStep& step, std::vector<TokenLayout>& encodings) {
  for (std::size_t i = 0; i < encodings.size(); ++i) {
    TokenLayout& encoding = encodings[i];
    if (i == 0) {
      encoding.insert(encoding.begin(), {step.classifier, 0});
    } else if (step.kind == Kind::kRoberta) {
      encoding.insert(encoding.begin(), {step.separator, 0});
    }
    encoding.push_back({step.separator, i == 0 ? 0U : 1U});
    if (step.kind == Kind::kRoberta) set_types(encoding, 0);
  }
}

// A template's pieces, each text with all that stands around it so far. `encodings` is text A
// alone, or A and B.
std::vector<TokenLayout> apply_template(const std::vector<TokenLayout>& pieces,
                                        const std::vector<TokenLayout>& encodings) {
  std::vector<TokenLayout> result;
  for (const TokenLayout& piece : pieces) {
    if (!has_text(piece)) {
      result.push_back(piece);
      continue;
    }
    result.push_back(encodings[piece.front().second ? 1 : 0]);
    set_types(result.back(), piece.front().type);
  }
  return result;
}

TokenLayout joined(const std::vector<TokenLayout>& encodings) {
  TokenLayout layout;
  for (const TokenLayout& encoding : encodings) {
    layout.insert(layout.end(), encoding.begin(), encoding.end());
  }
  return layout;
}

// Why a layout cannot stand for a pair; empty if it can.
std::string problem_of(const TokenLayout& layout) {
  std::size_t texts[2] = {0, 0};
  for (const LayoutToken& token : layout) {
    if (!token.id) ++texts[token.second ? 1 : 0];
    if (token.type > 255) {
      return "tokenizer.json gives the token type " + std::to_string(token.type) +
             " to tokens of a pair; 255 is the largest that is supported";
    }
  }
  if (texts[0] == 1 && texts[1] == 1) return "";
  return "the template of a pair in tokenizer.json has sequence A " + std::to_string(texts[0]) +
         " times and sequence B " + std::to_string(texts[1]) + " times, expected each once";
}

}  // namespace

PostProcessor::PostProcessor(const std::vector<PostProcessorStep>& steps) {
  fold_single(steps);
  fold_pair(steps);
}

void PostProcessor::fold_single(const std::vector<PostProcessorStep>& steps) {
  std::vector<TokenLayout> encodings = {{LayoutToken{}}};
  for (const PostProcessorStep& step : steps) {
    if (step.kind != Kind::kTemplate) {
      const auto text = std::find_if(encodings.begin(), encodings.end(), has_text);
      if (step.trim_offsets)
        trims_.push_back({step.add_prefix_space, !text->front().id.has_value()});
      if (step.kind == Kind::kByteLevel) continue;
      apply_pair(step, encodings);
      declared_count_ += 2;
      continue;
    }
    if (encodings.size() != 1) {
      throw Error(ErrorCode::kInvalidArgument,
                  "a TemplateProcessing behind another one is not supported");
    }
    encodings = apply_template(step.pieces, encodings);
    for (const TokenLayout& piece : step.pieces) {
      if (!has_text(piece)) declared_count_ += piece.size();
    }
  }
  std::vector<std::uint32_t>* side = &prefix_;
  std::vector<std::uint32_t>* side_types = &types_.prefix;
  for (const LayoutToken& token : joined(encodings)) {
    if (token.id) {
      side->push_back(*token.id);
      side_types->push_back(token.type);
    } else {
      types_.text = token.type;
      side = &suffix_;
      side_types = &types_.suffix;
    }
  }
}

// A file that cannot join two texts may still be right for one: the problem is for who asks.
void PostProcessor::fold_pair(const std::vector<PostProcessorStep>& steps) {
  std::vector<TokenLayout> encodings = {{LayoutToken{}}, {LayoutToken{std::nullopt, 1, true}}};
  pair_problem_ = "the post_processor in tokenizer.json has no template for two texts";
  bool has_template = false;
  for (const PostProcessorStep& step : steps) {
    if (step.kind == Kind::kByteLevel) {  // the two texts, with nothing in between
      has_template = true;
      continue;
    }
    if (step.kind != Kind::kTemplate) {
      apply_pair(step, encodings);
      has_template = true;
      continue;
    }
    if (step.pair_pieces.empty()) return;
    if (encodings.size() != 2) {
      pair_problem_ = "tokenizer.json has a template of a pair behind another one";
      return;
    }
    encodings = apply_template(step.pair_pieces, encodings);
    has_template = true;
  }
  if (!has_template) return;
  TokenLayout layout = joined(encodings);
  pair_problem_ = problem_of(layout);
  if (pair_problem_.empty()) pair_ = std::move(layout);
}

}  // namespace nestvec
