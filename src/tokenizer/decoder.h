// SPDX-License-Identifier: Apache-2.0
// From token strings back to text.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tokenizer/pre_tokenizer.h"

namespace nestvec {

class Pattern;

// Immutable, safe for concurrent use.
class Decoder {
 public:
  virtual ~Decoder() = default;
  // Changes the strings of the tokens, and for some their number. Joined they are the text.
  // Linear in tokens and text; throws what the pace throws.
  virtual void apply(std::vector<std::string>& tokens, Pace& pace) const = 0;
};

using DecoderPtr = std::unique_ptr<const Decoder>;

DecoderPtr make_metaspace_decoder(const MetaspaceOptions& options);
DecoderPtr make_wordpiece_decoder(std::string prefix, bool cleanup);
DecoderPtr make_replace_decoder(Pattern pattern, std::string content);
DecoderPtr make_fuse_decoder();
// "Strip": up to `start` times `content` at the front of each token, up to `stop` times at its end.
DecoderPtr make_strip_decoder(std::string content, std::size_t start, std::size_t stop);
DecoderPtr make_byte_fallback_decoder();
// "ByteLevel": all tokens become the one text that their bytes are, with U+FFFD for what is no
// UTF-8.
DecoderPtr make_byte_level_decoder();
// "BPEDecoder": `suffix` becomes a space, or nothing in the last token.
DecoderPtr make_bpe_decoder(std::string suffix);
DecoderPtr make_sequence_decoder(std::vector<DecoderPtr> steps);

}  // namespace nestvec
