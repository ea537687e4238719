// SPDX-License-Identifier: Apache-2.0
// Two texts as the one sequence that a model reads.
#include "nestvec/error.h"
#include "tokenizer/pipeline.h"

namespace nestvec {

const TokenLayout& Tokenizer::Pipeline::pair_layout() const {
  const PostProcessor& post = parts_.post_processor;
  if (!post.pair().empty()) return post.pair();
  throw Error(ErrorCode::kInvalidArgument,
              "the tokenizer cannot join two texts: " + post.pair_problem());
}

void Tokenizer::Pipeline::join_pair(std::span<const std::uint32_t> first,
                                    std::span<const std::uint32_t> second, Tokens& out) const {
  out.clear();
  for (const LayoutToken& token : pair_layout()) {
    if (token.id) {
      out.ids.push_back(*token.id);
    } else {
      const std::span<const std::uint32_t> ids = token.second ? second : first;
      out.ids.insert(out.ids.end(), ids.begin(), ids.end());
    }
    out.type_ids.resize(out.ids.size(), static_cast<std::uint8_t>(token.type));
  }
}

Tokens Tokenizer::Pipeline::join_pair(const Tokens& first, const Tokens& second) const {
  Tokens out;
  join_pair(first.ids, second.ids, out);
  out.truncated = first.truncated || second.truncated;
  const auto has_offsets = [](const Tokens& side) {
    return side.offsets.size() == side.ids.size();
  };
  if (!has_offsets(first) || !has_offsets(second)) return out;
  for (const LayoutToken& token : pair_layout()) {
    if (token.id) {
      out.offsets.emplace_back();
    } else {
      const std::vector<ByteRange>& offsets = token.second ? second.offsets : first.offsets;
      out.offsets.insert(out.offsets.end(), offsets.begin(), offsets.end());
    }
    out.special.resize(out.offsets.size(), token.id ? 1 : 0);
  }
  return out;
}

}  // namespace nestvec
