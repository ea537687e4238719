// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/post_processor.h"

#include <algorithm>

#include "nestvec/error.h"

namespace nestvec {
namespace {

using Kind = PostProcessorStep::Kind;

bool has_text(const TokenLayout& layout) {
  return std::find(layout.begin(), layout.end(), std::nullopt) != layout.end();
}

// BertProcessing and RobertaProcessing on the encodings so far: the first one is text A to them,
// all others are texts B.
void apply_pair(const PostProcessorStep& step, std::vector<TokenLayout>& encodings) {
  for (std::size_t i = 0; i < encodings.size(); ++i) {
    TokenLayout& encoding = encodings[i];
    if (i == 0) {
      encoding.insert(encoding.begin(), step.classifier);
    } else if (step.kind == Kind::kRoberta) {
      encoding.insert(encoding.begin(), step.separator);
    }
    encoding.emplace_back(step.separator);
  }
}

}  // namespace

PostProcessor::PostProcessor(const std::vector<PostProcessorStep>& steps) {
  std::vector<TokenLayout> encodings = {{std::nullopt}};
  for (const PostProcessorStep& step : steps) {
    if (step.kind != Kind::kTemplate) {
      const auto text = std::find_if(encodings.begin(), encodings.end(), has_text);
      if (step.trim_offsets) trims_.push_back({step.add_prefix_space, !text->front().has_value()});
      apply_pair(step, encodings);
      declared_count_ += 2;
      continue;
    }
    if (encodings.size() != 1) {
      throw Error(ErrorCode::kInvalidArgument,
                  "a TemplateProcessing behind another one is not supported");
    }
    const TokenLayout text = encodings.front();
    encodings.clear();
    for (const TokenLayout& piece : step.pieces) {
      encodings.push_back(has_text(piece) ? text : piece);
      if (!has_text(piece)) declared_count_ += piece.size();
    }
  }
  std::vector<std::uint32_t>* side = &prefix_;
  for (const TokenLayout& encoding : encodings) {
    for (const std::optional<std::uint32_t>& id : encoding) {
      if (id) {
        side->push_back(*id);
      } else {
        side = &suffix_;
      }
    }
  }
}

}  // namespace nestvec
