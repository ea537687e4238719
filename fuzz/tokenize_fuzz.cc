// SPDX-License-Identifier: Apache-2.0
// A text of any bytes through small tokenizers of every kind: offsets are ordered ranges of whole
// characters of the repaired text, ids exist, and ids are the same without offsets.
// The first byte chooses options, the rest is the text.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "base/utf8.h"
#include "nestvec/error.h"
#include "support/folders.h"
#include "tokenizer/tokenizer.h"

namespace {

using nestvec::EncodeOptions;
using nestvec::Tokenizer;
using nestvec::Tokens;

const std::vector<Tokenizer>& tokenizers() {
  static const std::vector<Tokenizer> kAll = [] {
    std::vector<Tokenizer> loaded;
    for (const char* name : {"norm_charsmap_u",
                             "norm_nfkc_u",
                             "norm_bert_1111",
                             "pre_split_then_metaspace_u",
                             "pre_metaspace_first_split_u",
                             "model_byte_fallback",
                             "added_l1r1w1",
                             "added_normalized1_special0",
                             "post_roberta_11_spaces",
                             "pre_whitespace_w",
                             "norm_charsmap_strip_spaces_u",
                             "norm_nfd_lower_accents_w",
                             "bpe_qwen_i0",
                             "bpe_llama3_i1",
                             "bpe_roberta_t1p1",
                             "bpe_added_p1",
                             "bpe_written_out",
                             "bpe_missing_none_f0",
                             "bpe_fallback_some_unk_f1",
                             "bpe_gemma",
                             "bpe_suffix",
                             "split_regex_mergedwithnext_1",
                             "split_digits_runs",
                             "word_level"}) {
      loaded.push_back(
          Tokenizer::load(nestvec::test_data() + "/tokenizer/components/" + name + ".json"));
    }
    return loaded;
  }();
  return kAll;
}

bool is_boundary(std::string_view text, std::size_t position) {
  if (position >= text.size()) return position == text.size();
  return (static_cast<unsigned char>(text[position]) & 0xC0) != 0x80;
}

void require(bool condition) {
  if (!condition) std::abort();
}

void check(const Tokenizer& tokenizer, std::string_view text, EncodeOptions options) {
  const Tokens tokens = tokenizer.encode(text, options);
  options.offsets = false;
  require(tokenizer.encode(text, options).ids == tokens.ids);
  require(options.max_tokens == 0 || tokens.ids.size() <= options.max_tokens);
  require(tokens.offsets.size() == tokens.ids.size() && tokens.special.size() == tokens.ids.size());
  nestvec::ByteRange previous;
  for (std::size_t i = 0; i < tokens.ids.size(); ++i) {
    const nestvec::ByteRange range = tokens.offsets[i];
    require(!tokenizer.id_to_token(tokens.ids[i]).empty());
    if (tokens.special[i] != 0) continue;
    require(range.begin <= range.end && previous.begin <= range.begin && previous.end <= range.end);
    require(is_boundary(text, range.begin) && is_boundary(text, range.end));
    // A space that was put before a text may be trimmed to an empty range behind its first
    // character.
    if (range.begin < range.end) previous = range;
  }
  require(nestvec::is_valid_utf8(tokenizer.decode(tokens.ids)));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  EncodeOptions options;
  options.add_special = (data[0] & 1) == 0;
  options.parse_special = (data[0] & 2) == 0;
  options.truncate_left = (data[0] & 4) != 0;
  options.max_tokens = (data[0] & 8) != 0 ? 2U + (data[0] >> 4) : 0U;
  std::string storage;
  const std::string_view text = nestvec::repair_utf8(
      std::string_view(reinterpret_cast<const char*>(data) + 1, size - 1), storage);
  for (const Tokenizer& tokenizer : tokenizers()) check(tokenizer, text, options);
  return 0;
}
