// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/post_processor.h"

#include <algorithm>

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

// A template's pieces, the text's own with all that stands around it so far.
std::vector<TokenLayout> apply_template(const PostProcessorStep& step, const TokenLayout& text) {
  std::vector<TokenLayout> encodings;
  for (const TokenLayout& piece : step.pieces) {
    encodings.push_back(has_text(piece) ? text : piece);
    if (has_text(piece)) set_types(encodings.back(), piece.front().type);
  }
  return encodings;
}

}  // namespace

PostProcessor::PostProcessor(const std::vector<PostProcessorStep>& steps) {
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
    encodings = apply_template(step, encodings.front());
    for (const TokenLayout& piece : step.pieces) {
      if (!has_text(piece)) declared_count_ += piece.size();
    }
  }
  std::vector<std::uint32_t>* side = &prefix_;
  std::vector<std::uint32_t>* side_types = &types_.prefix;
  for (const TokenLayout& encoding : encodings) {
    for (const LayoutToken& token : encoding) {
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
}

}  // namespace nestvec
